//! `workspace_disk_read`: a file on the disk of a stopped workspace, or of a snapshot.

use super::describe::Describe;
use super::{annotations, answers, parameters, workspace};
use crate::answer;
use crate::bounds;
use crate::grants::Grants;
use crate::refusal::Refusal;
use crate::state::State;
use pyro_core::DiskReadRequest;
use rmcp::RoleServer;
use rmcp::model::{CallToolResult, ToolAnnotations};
use rmcp::service::RequestContext;
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;

#[derive(Deserialize, JsonSchema)]
pub(super) struct WorkspaceDiskRead {
    workspace_id: String,
    /// Absolute, or relative to /workspace
    path: String,
    /// Most bytes
    #[serde(default = "parameters::file_length")]
    #[schemars(range(min = 1, max = 1_048_576))]
    max_bytes: u32,
    /// First byte
    #[serde(default)]
    #[schemars(range(min = 0, max = 9_007_199_254_740_991_u64))]
    offset: u64,
    /// Or baseline; it may run
    #[serde(default)]
    snapshot: Option<String>,
    #[serde(default = "parameters::output_bytes")]
    #[schemars(schema_with = "parameters::output")]
    max_output_bytes: u32,
}

impl Describe for WorkspaceDiskRead {
    const NAME: &'static str = "workspace_disk_read";
    const TITLE: &'static str = "Read a file on a stopped workspace's disk";
    const DESCRIPTION: &'static str =
        "Read a file anywhere on the disk of a stopped workspace, or of a snapshot, in parts.";
    type Answer = answers::FileText;

    fn annotations(_: &Grants) -> ToolAnnotations {
        annotations::looks()
    }

    async fn call(
        self,
        state: Arc<State>,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, Refusal> {
        let id = parameters::workspace_id(&self.workspace_id)?;
        let request = DiskReadRequest {
            path: parameters::disk_place(&self.path)?,
            snapshot: parameters::snapshot(self.snapshot.as_deref())?,
            offset: self.offset,
            max_bytes: self.max_bytes.into(),
        };
        let read =
            workspace::at_rest(&state, &context, "reading", move |pyro, cancel| async move {
                workspace::until(&cancel, pyro.read_workspace_disk(id, request)).await
            });
        let mut read = read.await?;
        let limit = usize::try_from(self.max_output_bytes).unwrap_or(usize::MAX);
        let fits = bounds::prefix(&read.bytes, limit.saturating_sub(bounds::FIELDS));
        if fits < read.bytes.len() {
            read.bytes.truncate(fits);
            read.content = String::from_utf8_lossy(&read.bytes).into_owned();
            read.bytes_read = read.bytes.len() as u64;
            read.truncated = true;
        }
        answer::object(&read)
    }
}
