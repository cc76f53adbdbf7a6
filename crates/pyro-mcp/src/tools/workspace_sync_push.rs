//! `workspace_sync_push`: a host tree brought into a workspace.

use super::workspace::{self, Push};
use super::{Describe, answers, parameters};
use crate::answer;
use crate::grants::Grants;
use crate::refusal::Refusal;
use crate::state::State;
use rmcp::RoleServer;
use rmcp::model::{CallToolResult, ToolAnnotations};
use rmcp::service::RequestContext;
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
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
        super::replaces().idempotent(true)
    }

    async fn call(self, state: Arc<State>, context: RequestContext<RoleServer>) -> Result<CallToolResult, Refusal> {
        let id = parameters::workspace_id(&self.workspace_id)?;
        let push = Push {
            source_path: self.source_path,
            dest: self.dest,
            delete: self.delete,
            respect_ignore: self.respect_ignore,
            dry_run: self.dry_run,
        };
        answer::object(&workspace::push(&state, &context, id, push).await?)
    }
}
