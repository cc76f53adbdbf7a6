//! `snapshot_create`: take a snapshot of a workspace.

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
pub(super) struct SnapshotCreate {
    workspace_id: String,
    #[schemars(schema_with = "parameters::snapshot_name")]
    snapshot_name: String,
}

impl Describe for SnapshotCreate {
    const NAME: &'static str = "snapshot_create";
    const TITLE: &'static str = "Take a snapshot";
    const DESCRIPTION: &'static str = "Keep the whole disk of a workspace as it is now, installed packages included, under a name for workspace_reset and workspace_diff. Processes go on.";
    type Answer = answers::SnapshotCreated;

    fn annotations(_: &Grants) -> ToolAnnotations {
        annotations::keeps()
    }

    async fn call(
        self,
        state: Arc<State>,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, Refusal> {
        let id = parameters::workspace_id(&self.workspace_id)?;
        let name = Pyro::snapshot_name(&self.snapshot_name)?;
        let shared = Arc::clone(&state);
        let created = turn::take(&state, &context, move |turn| async move {
            shared.grants.running(&shared.pyro, Runs::Workspace(id)).await?;
            turn.reporter.say("taking a snapshot");
            shared.pyro.create_snapshot(id, name, &turn.cancel).await.map_err(Refusal::from)
        });
        answer::object(&created.await?)
    }
}
