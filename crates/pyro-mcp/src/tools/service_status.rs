//! `service_status`: what a service is at.

use super::describe::Describe;
use super::service::Named;
use super::{annotations, answers};
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
pub(super) struct ServiceStatus {
    #[serde(flatten)]
    service: Named,
}

impl Describe for ServiceStatus {
    const NAME: &'static str = "service_status";
    const TITLE: &'static str = "Show a service";
    const DESCRIPTION: &'static str = "Show a service's state, and how it ended.";
    type Answer = answers::Service;

    fn annotations(_: &Grants) -> ToolAnnotations {
        annotations::looks()
    }

    async fn call(
        self,
        state: Arc<State>,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, Refusal> {
        let (id, name) = self.service.parsed()?;
        let shown =
            turn::aside(&state, move |pyro| async move { pyro.status_service(id, name).await });
        answer::object(&shown.await?)
    }
}
