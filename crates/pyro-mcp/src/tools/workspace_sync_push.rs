//! `workspace_sync_push`: a host tree brought into a workspace.

use super::describe::Describe;
use super::{annotations, answers, parameters, workspace};
use crate::answer;
use crate::grants::Grants;
use crate::refusal::Refusal;
use crate::roots;
use crate::state::State;
use pyro_core::PushRequest;
use rmcp::RoleServer;
use rmcp::model::{CallToolResult, ToolAnnotations};
use rmcp::service::RequestContext;
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;

#[derive(Deserialize, JsonSchema)]
pub(super) struct WorkspaceSyncPush {
    workspace_id: String,
    /// Host directory, or tar file (also gz, bz2, xz, zst); below a path granted to the server
    source_path: String,
    /// Directory it becomes
    #[serde(default = "parameters::root")]
    dest: String,
    /// Delete what source_path lacks
    #[serde(default)]
    delete: bool,
    /// Leave out what git ignores; null: as in workspace_create
    #[serde(default)]
    respect_ignore: Option<bool>,
    /// Only tell what would change
    #[serde(default)]
    dry_run: bool,
}

impl Describe for WorkspaceSyncPush {
    const NAME: &'static str = "workspace_sync_push";
    const TITLE: &'static str = "Bring host files into a workspace";
    const DESCRIPTION: &'static str = "Copy a host directory or archive into a workspace; only what differs is sent, and a failed push changes nothing. Later changes on the host need another push.";
    type Answer = answers::Synced;

    fn annotations(_: &Grants) -> ToolAnnotations {
        annotations::replaces().idempotent(true)
    }

    async fn call(
        self,
        state: Arc<State>,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, Refusal> {
        let id = parameters::workspace_id(&self.workspace_id)?;
        let request = PushRequest {
            source: roots::path(&state, &context, &self.source_path).await?,
            dest: parameters::place(&self.dest)?,
            delete: self.delete,
            respect_ignore: self.respect_ignore,
            dry_run: self.dry_run,
        };
        let work =
            workspace::work(&state, &context, id, "pushing", move |pyro, cancel| async move {
                pyro.push_workspace_sync(id, request, &cancel).await
            });
        answer::object(&work.await?)
    }
}
