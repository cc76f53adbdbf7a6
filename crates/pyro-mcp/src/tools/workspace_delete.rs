//! `workspace_delete`: delete a workspace.

use super::describe::Describe;
use super::{annotations, answers, parameters};
use crate::answer;
use crate::grants::Grants;
use crate::refusal::Refusal;
use crate::state::State;
use crate::turn;
use rmcp::RoleServer;
use rmcp::model::{CallToolResult, ToolAnnotations};
use rmcp::service::RequestContext;
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;

#[derive(Deserialize, JsonSchema)]
pub(super) struct WorkspaceDelete {
    workspace_id: String,
}

impl Describe for WorkspaceDelete {
    const NAME: &'static str = "workspace_delete";
    const TITLE: &'static str = "Delete a workspace";
    const DESCRIPTION: &'static str = "Delete a workspace with its files and history, whatever its state. Export what is to be kept first.";
    type Answer = answers::WorkspaceDeleted;

    fn annotations(_: &Grants) -> ToolAnnotations {
        annotations::ends()
    }

    async fn call(
        self,
        state: Arc<State>,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, Refusal> {
        let id = parameters::workspace_id(&self.workspace_id)?;
        answer::object(
            &turn::aside(&state, move |pyro| async move { pyro.delete_workspace(id).await })
                .await?,
        )
    }
}
