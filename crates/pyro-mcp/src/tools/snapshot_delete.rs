//! `snapshot_delete`: delete a snapshot of a workspace.

use super::describe::Describe;
use super::{annotations, answers, parameters};
use crate::answer;
use crate::grants::Grants;
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
pub(super) struct SnapshotDelete {
    workspace_id: String,
    #[schemars(schema_with = "parameters::snapshot_name")]
    snapshot_name: String,
}

impl Describe for SnapshotDelete {
    const NAME: &'static str = "snapshot_delete";
    const TITLE: &'static str = "Delete a snapshot";
    const DESCRIPTION: &'static str =
        "Delete a snapshot of a workspace; its present files stay as they are.";
    type Answer = answers::SnapshotDeleted;

    fn annotations(_: &Grants) -> ToolAnnotations {
        annotations::ends()
    }

    async fn call(
        self,
        state: Arc<State>,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, Refusal> {
        let id = parameters::workspace_id(&self.workspace_id)?;
        let name = Pyro::snapshot_name(&self.snapshot_name)?;
        let deleted =
            turn::aside(&state, move |pyro| async move { pyro.delete_snapshot(id, name).await });
        answer::object(&deleted.await?)
    }
}
