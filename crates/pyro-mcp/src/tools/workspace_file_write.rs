//! `workspace_file_write`: a file of a workspace, written whole.

use super::describe::Describe;
use super::{annotations, answers, parameters, workspace};
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
pub(super) struct WorkspaceFileWrite {
    workspace_id: String,
    /// Below /workspace
    path: String,
    /// All that it is to hold
    #[schemars(length(max = 1_048_576))]
    text: String,
}

impl Describe for WorkspaceFileWrite {
    const NAME: &'static str = "workspace_file_write";
    const TITLE: &'static str = "Write a file of a workspace";
    const DESCRIPTION: &'static str = "Create or replace a text file of a workspace; directories on the way are made, an existing mode is kept. For a change to a part of a file take workspace_patch_apply.";
    type Answer = answers::Written;

    fn annotations(_: &Grants) -> ToolAnnotations {
        annotations::replaces().idempotent(true)
    }

    async fn call(
        self,
        state: Arc<State>,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, Refusal> {
        let id = parameters::workspace_id(&self.workspace_id)?;
        let path = parameters::place(&self.path)?;
        let written =
            workspace::work(&state, &context, id, "writing", move |pyro, cancel| async move {
                workspace::until(
                    &cancel,
                    pyro.write_workspace_file(id, path, self.text.into_bytes(), None),
                )
                .await
            });
        answer::object(&written.await?)
    }
}
