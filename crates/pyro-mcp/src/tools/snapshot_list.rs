//! `snapshot_list`: the snapshots of a workspace.

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
pub(super) struct SnapshotList {
    workspace_id: String,
    #[serde(default = "parameters::output_bytes", rename = "max_output_bytes")]
    #[schemars(schema_with = "parameters::output")]
    _max_output_bytes: u32,
}

impl Describe for SnapshotList {
    const NAME: &'static str = "snapshot_list";
    const TITLE: &'static str = "List the snapshots of a workspace";
    const DESCRIPTION: &'static str =
        "Show the snapshots of a workspace: baseline first, then the newest.";
    type Answer = answers::Snapshots;

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
            &turn::aside(&state, move |pyro| async move { pyro.list_snapshots(id).await }).await?,
        )
    }
}
