//! `workspace_start`: start a stopped workspace.

use super::describe::Describe;
use super::{annotations, answers, parameters};
use crate::answer;
use crate::grants::{Grants, Runs};
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
pub(super) struct WorkspaceStart {
    workspace_id: String,
}

impl Describe for WorkspaceStart {
    const NAME: &'static str = "workspace_start";
    const TITLE: &'static str = "Start a workspace";
    const DESCRIPTION: &'static str = "Start a stopped workspace from its disk: after workspace_stop, or when its ttl_seconds were over.";
    type Answer = answers::Workspace;

    fn annotations(_: &Grants) -> ToolAnnotations {
        annotations::keeps()
    }

    async fn call(
        self,
        state: Arc<State>,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, Refusal> {
        let id = parameters::workspace_id(&self.workspace_id)?;
        let shared = Arc::clone(&state);
        let started = turn::take(&state, &context, move |turn| async move {
            shared.grants.running(&shared.pyro, Runs::Workspace(id)).await?;
            turn.reporter.say("starting the workspace");
            shared.pyro.start_workspace(id, &turn.cancel).await.map_err(Refusal::from)
        });
        answer::object(&started.await?)
    }
}
