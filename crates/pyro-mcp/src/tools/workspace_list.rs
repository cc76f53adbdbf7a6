//! `workspace_list`: every workspace.

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
pub(super) struct WorkspaceList {
    #[serde(default = "parameters::output_bytes", rename = "max_output_bytes")]
    #[schemars(schema_with = "parameters::output")]
    _max_output_bytes: u32,
}

impl Describe for WorkspaceList {
    const NAME: &'static str = "workspace_list";
    const TITLE: &'static str = "List workspaces";
    const DESCRIPTION: &'static str = "List all workspaces, newest activity first: id, name, labels, state. Find one of an earlier session here.";
    type Answer = answers::Workspaces;

    fn annotations(_: &Grants) -> ToolAnnotations {
        annotations::looks()
    }

    async fn call(
        self,
        state: Arc<State>,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, Refusal> {
        answer::object(
            &turn::aside(&state, |pyro| async move { pyro.list_workspaces().await }).await?,
        )
    }
}
