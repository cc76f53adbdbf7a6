//! `workspace_file_read`: a file of a workspace.

use super::describe::Describe;
use super::{annotations, answers, parameters, workspace};
use crate::answer;
use crate::bounds;
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
pub(super) struct WorkspaceFileRead {
    workspace_id: String,
    /// Below /workspace
    path: String,
    /// Most bytes
    #[serde(default = "parameters::file_length")]
    #[schemars(range(min = 1, max = 1_048_576))]
    max_bytes: u32,
    /// First byte
    #[serde(default)]
    #[schemars(range(min = 0, max = 9_007_199_254_740_991_u64))]
    offset: u64,
    /// Without secrets
    #[serde(default)]
    redact: bool,
    #[serde(default = "parameters::output_bytes")]
    #[schemars(schema_with = "parameters::output")]
    max_output_bytes: u32,
}

impl Describe for WorkspaceFileRead {
    const NAME: &'static str = "workspace_file_read";
    const TITLE: &'static str = "Read a file of a workspace";
    const DESCRIPTION: &'static str = "Read a file of a workspace as text, or a part of it. Where truncated is true, go on at offset + bytes_read.";
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
        let path = parameters::place(&self.path)?;
        let read =
            workspace::work(&state, &context, id, "reading", move |pyro, cancel| async move {
                workspace::until(
                    &cancel,
                    pyro.read_workspace_file(
                        id,
                        path,
                        self.offset,
                        self.max_bytes.into(),
                        self.redact,
                    ),
                )
                .await
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
