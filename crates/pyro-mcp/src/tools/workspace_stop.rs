//! `workspace_stop`: stop a workspace and keep its disk.

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
pub(super) struct WorkspaceStop {
    workspace_id: String,
}

impl Describe for WorkspaceStop {
    const NAME: &'static str = "workspace_stop";
    const TITLE: &'static str = "Stop a workspace";
    const DESCRIPTION: &'static str = "Stop a workspace; its files are kept, its processes are lost. It then costs disk space only; workspace_start goes on.";
    type Answer = answers::Workspace;

    fn annotations(_: &Grants) -> ToolAnnotations {
        annotations::ends().idempotent(true)
    }

    async fn call(
        self,
        state: Arc<State>,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, Refusal> {
        let id = parameters::workspace_id(&self.workspace_id)?;
        answer::object(
            &turn::aside(&state, move |pyro| async move { pyro.stop_workspace(id).await }).await?,
        )
    }
}
