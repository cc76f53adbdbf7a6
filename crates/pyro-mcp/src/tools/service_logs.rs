//! `service_logs`: what a service has printed.

use super::describe::Describe;
use super::service::Named;
use super::{annotations, answers, parameters};
use crate::answer;
use crate::bounds;
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

/// Bytes that each stream has in a result.
const ROOM: usize = (bounds::DEFAULT - 2 * bounds::FIELDS) / 2;

#[derive(Deserialize, JsonSchema)]
pub(super) struct ServiceLogs {
    #[serde(flatten)]
    service: Named,
    #[serde(default = "parameters::tail_lines")]
    #[schemars(range(min = 1))]
    tail_lines: u32,
    /// All that is kept, instead
    #[serde(default)]
    all: bool,
}

impl Describe for ServiceLogs {
    const NAME: &'static str = "service_logs";
    const TITLE: &'static str = "Read a service's logs";
    const DESCRIPTION: &'static str = "Read the last lines of a service's stdout and stderr, also after it or its workspace stopped.";
    type Answer = answers::ServiceLogs;

    fn annotations(_: &Grants) -> ToolAnnotations {
        annotations::looks()
    }

    async fn call(
        self,
        state: Arc<State>,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, Refusal> {
        let (id, name) = self.service.parsed()?;
        let lines = (!self.all).then_some(self.tail_lines);
        let logs =
            turn::aside(
                &state,
                move |pyro| async move { pyro.logs_service(id, name, lines).await },
            );
        let mut logs = logs.await?;
        for text in [&mut logs.stdout, &mut logs.stderr] {
            let fitting = bounds::shortened(text, ROOM, "; take fewer tail_lines");
            logs.truncated |= fitting.len() != text.len();
            *text = fitting;
        }
        answer::object(&logs)
    }
}
