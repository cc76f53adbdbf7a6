//! `service_stop`: the end of a service.

use super::describe::Describe;
use super::service::Named;
use super::shell::work;
use super::{annotations, answers};
use crate::answer;
use crate::grants::Grants;
use crate::refusal::Refusal;
use crate::state::State;
use rmcp::RoleServer;
use rmcp::model::{CallToolResult, ToolAnnotations};
use rmcp::service::RequestContext;
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;

#[derive(Deserialize, JsonSchema)]
pub(super) struct ServiceStop {
    #[serde(flatten)]
    service: Named,
}

impl Describe for ServiceStop {
    const NAME: &'static str = "service_stop";
    const TITLE: &'static str = "Stop a service";
    const DESCRIPTION: &'static str =
        "Stop a service with all it started: TERM, then KILL after 5 s. Its logs stay.";
    type Answer = answers::Service;

    fn annotations(_: &Grants) -> ToolAnnotations {
        annotations::ends()
    }

    async fn call(
        self,
        state: Arc<State>,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, Refusal> {
        let (id, name) = self.service.parsed()?;
        let stopped =
            work(&state, id, move |pyro| async move { pyro.stop_service(id, name).await });
        answer::object(&stopped.await?)
    }
}
