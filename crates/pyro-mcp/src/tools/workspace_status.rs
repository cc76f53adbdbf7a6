//! `workspace_status`: a workspace as it is now.

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
pub(super) struct WorkspaceStatus {
    workspace_id: String,
}

impl Describe for WorkspaceStatus {
    const NAME: &'static str = "workspace_status";
    const TITLE: &'static str = "Look at a workspace";
    const DESCRIPTION: &'static str = "Show one workspace: state, shape, seed, command_count, last_command, resets, and when it expires.";
    type Answer = answers::Workspace;

    fn annotations(_: &Grants) -> ToolAnnotations {
        annotations::looks()
    }

    async fn call(
        self,
        state: Arc<State>,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, Refusal> {
        let id = parameters::workspace_id(&self.workspace_id)?;
        answer::object(
            &turn::aside(&state, move |pyro| async move { pyro.status_workspace(id).await })
                .await?,
        )
    }
}
