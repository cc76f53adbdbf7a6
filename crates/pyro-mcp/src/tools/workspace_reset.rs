//! `workspace_reset`: put a workspace back to its baseline or to a snapshot.

use super::describe::Describe;
use super::{annotations, answers, parameters};
use crate::answer;
use crate::grants::{Grants, Runs};
use crate::refusal::Refusal;
use crate::state::State;
use crate::turn;
use pyro_core::Pyro;
use rmcp::RoleServer;
use rmcp::model::{CallToolResult, ToolAnnotations};
use rmcp::service::RequestContext;
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;

#[derive(Deserialize, JsonSchema)]
pub(super) struct WorkspaceReset {
    workspace_id: String,
    #[serde(default = "parameters::baseline")]
    snapshot: String,
}

impl Describe for WorkspaceReset {
    const NAME: &'static str = "workspace_reset";
    const TITLE: &'static str = "Reset a workspace";
    const DESCRIPTION: &'static str = "Put the whole disk back to its baseline (right after workspace_create) or a snapshot, and restart. Later changes are LOST; id, name and labels stay.";
    type Answer = answers::WorkspaceReset;

    fn annotations(_: &Grants) -> ToolAnnotations {
        annotations::ends().idempotent(true)
    }

    async fn call(
        self,
        state: Arc<State>,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, Refusal> {
        let id = parameters::workspace_id(&self.workspace_id)?;
        let to = Pyro::snapshot(&self.snapshot)?;
        let shared = Arc::clone(&state);
        let reset = turn::take(&state, &context, move |turn| async move {
            shared.grants.running(&shared.pyro, Runs::Workspace(id)).await?;
            turn.reporter.say("resetting the workspace");
            shared.pyro.reset_workspace(id, to, &turn.cancel).await.map_err(Refusal::from)
        });
        answer::object(&reset.await?)
    }
}
