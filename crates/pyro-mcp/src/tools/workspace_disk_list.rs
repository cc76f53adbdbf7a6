//! `workspace_disk_list`: files on the disk of a stopped workspace, or of a snapshot.

use super::describe::Describe;
use super::{annotations, answers, parameters, workspace};
use crate::answer;
use crate::bounds;
use crate::brief;
use crate::grants::Grants;
use crate::refusal::Refusal;
use crate::state::State;
use pyro_core::{DiskList, DiskListRequest};
use rmcp::RoleServer;
use rmcp::model::{CallToolResult, ToolAnnotations};
use rmcp::service::RequestContext;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;

#[derive(Deserialize, JsonSchema)]
pub(super) struct WorkspaceDiskList {
    workspace_id: String,
    /// Absolute, or relative to /workspace
    #[serde(default = "parameters::root")]
    path: String,
    #[serde(default)]
    recursive: bool,
    /// Or baseline; it may run
    #[serde(default)]
    snapshot: Option<String>,
    /// next_after of the page before
    #[serde(default)]
    after: Option<String>,
    #[serde(default = "parameters::list_limit")]
    #[schemars(range(min = 1, max = 1000))]
    limit: u32,
    #[serde(default = "parameters::output_bytes")]
    #[schemars(schema_with = "parameters::output")]
    max_output_bytes: u32,
}

impl Describe for WorkspaceDiskList {
    const NAME: &'static str = "workspace_disk_list";
    const TITLE: &'static str = "List files on a stopped workspace's disk";
    const DESCRIPTION: &'static str =
        "List a directory anywhere on the disk of a stopped workspace, or of a snapshot.";
    type Answer = answers::Files;

    fn annotations(_: &Grants) -> ToolAnnotations {
        annotations::looks()
    }

    async fn call(
        self,
        state: Arc<State>,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, Refusal> {
        let id = parameters::workspace_id(&self.workspace_id)?;
        let request = DiskListRequest {
            path: parameters::disk_place(&self.path)?,
            recursive: self.recursive,
            snapshot: parameters::snapshot(self.snapshot.as_deref())?,
            after: self.after.as_deref().map(parameters::disk_place).transpose()?,
            limit: self.limit.into(),
        };
        let listed =
            workspace::at_rest(&state, &context, "listing", move |pyro, cancel| async move {
                workspace::until(&cancel, pyro.list_workspace_disk(id, request)).await
            });
        answer::object(&fitted(
            listed.await?,
            usize::try_from(self.max_output_bytes).unwrap_or(usize::MAX),
        ))
    }
}

/// The page without the entries that do not fit; they are on the next one.
fn fitted(mut listed: DiskList, limit: usize) -> DiskList {
    let items: Vec<Value> =
        listed.entries.iter().filter_map(|entry| serde_json::to_value(entry).ok()).collect();
    let fits = answer::fitting(&items, limit, |item| {
        bounds::text_length(&brief::entry(&listed.path, item)) + 2
    });
    if fits < listed.entries.len() {
        listed.entries.truncate(fits);
        listed.count = fits;
        listed.next_after = listed.entries.last().map(|entry| entry.path.clone());
    }
    listed
}
