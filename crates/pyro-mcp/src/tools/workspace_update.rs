//! `workspace_update`: a workspace's name, labels and lifetime.

use super::describe::Describe;
use super::{annotations, answers, parameters};
use crate::answer;
use crate::grants::Grants;
use crate::refusal::Refusal;
use crate::state::State;
use crate::turn;
use pyro_core::UpdateRequest;
use rmcp::RoleServer;
use rmcp::model::{CallToolResult, ToolAnnotations};
use rmcp::service::RequestContext;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Deserialize, JsonSchema)]
pub(super) struct WorkspaceUpdate {
    workspace_id: String,
    /// New one
    #[serde(default)]
    #[schemars(length(min = 1, max = 120))]
    name: Option<String>,
    /// Take it away
    #[serde(default)]
    clear_name: bool,
    /// To set; others stay
    #[serde(default)]
    #[schemars(schema_with = "parameters::labels")]
    labels: Option<BTreeMap<String, String>>,
    /// Keys to remove
    #[serde(default)]
    clear_labels: Option<Vec<String>>,
    /// Seconds without activity until it is stopped; 0: never
    #[serde(default)]
    ttl_seconds: Option<u32>,
}

impl Describe for WorkspaceUpdate {
    const NAME: &'static str = "workspace_update";
    const TITLE: &'static str = "Rename or label a workspace, or let it live longer";
    const DESCRIPTION: &'static str =
        "Change a workspace's name, labels or lifetime. Its files stay.";
    type Answer = answers::Workspace;

    fn annotations(_: &Grants) -> ToolAnnotations {
        annotations::keeps().idempotent(true)
    }

    async fn call(
        self,
        state: Arc<State>,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, Refusal> {
        let id = parameters::workspace_id(&self.workspace_id)?;
        let request = UpdateRequest {
            name: self.name,
            clear_name: self.clear_name,
            labels: self.labels.unwrap_or_default(),
            clear_labels: self.clear_labels.unwrap_or_default(),
            ttl_seconds: self.ttl_seconds,
        };
        let updated =
            turn::aside(
                &state,
                move |pyro| async move { pyro.update_workspace(id, request).await },
            );
        answer::object(&updated.await?)
    }
}
