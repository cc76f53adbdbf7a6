//! `service_list`: the services of a workspace.

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
pub(super) struct ServiceList {
    workspace_id: String,
}

impl Describe for ServiceList {
    const NAME: &'static str = "service_list";
    const TITLE: &'static str = "List services";
    const DESCRIPTION: &'static str = "List a workspace's services with their state.";
    type Answer = answers::ServiceList;

    fn annotations(_: &Grants) -> ToolAnnotations {
        annotations::looks()
    }

    async fn call(
        self,
        state: Arc<State>,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, Refusal> {
        let id = parameters::workspace_id(&self.workspace_id)?;
        let list = turn::aside(&state, move |pyro| async move { pyro.list_services(id).await });
        answer::object(&list.await?)
    }
}
