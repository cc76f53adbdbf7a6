//! `service_start`: a service, and the wait until it is ready.

use super::describe::Describe;
use super::service::Named;
use super::{annotations, answers, line, parameters};
use crate::answer;
use crate::grants::{Grants, Runs};
use crate::refusal::Refusal;
use crate::state::State;
use crate::turn;
use pyro_core::{PyroError, StartServiceRequest, Variable, limits, readiness, workspace_options};
use rmcp::RoleServer;
use rmcp::model::{CallToolResult, ToolAnnotations};
use rmcp::service::RequestContext;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Deserialize, JsonSchema)]
pub(super) struct ServiceStart {
    #[serde(flatten)]
    service: Named,
    command: String,
    #[serde(default = "parameters::root")]
    cwd: String,
    #[serde(default)]
    env: Option<BTreeMap<String, String>>,
    /// Secret name to variable
    #[serde(default)]
    secret_env: Option<BTreeMap<String, String>>,
    #[serde(default)]
    ready_file: Option<String>,
    /// HOST:PORT in the guest
    #[serde(default)]
    ready_tcp: Option<String>,
    /// http:// URL in the guest; 200 to 399 is ready
    #[serde(default)]
    ready_http: Option<String>,
    #[serde(default)]
    ready_command: Option<String>,
    #[serde(default = "parameters::ready_timeout_seconds")]
    #[schemars(range(min = 1, max = 3600))]
    ready_timeout_seconds: u32,
    #[serde(default = "parameters::ready_interval_ms")]
    #[schemars(range(min = 1, max = 60_000))]
    ready_interval_ms: u32,
    /// Start it again with its workspace
    #[serde(default)]
    restart: bool,
}

impl Describe for ServiceStart {
    const NAME: &'static str = "service_start";
    const TITLE: &'static str = "Start a service";
    const DESCRIPTION: &'static str = "Start a server or other long command and wait until it is ready, by at most one ready_*. It goes on until service_stop or the workspace stops. state=failed tells with stop_reason and the end of its output why it did not start.";
    type Answer = answers::Service;

    fn annotations(grants: &Grants) -> ToolAnnotations {
        annotations::works(grants)
    }

    async fn call(
        self,
        state: Arc<State>,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, Refusal> {
        let (id, name) = self.service.parsed()?;
        let request = self.request()?;
        let shared = Arc::clone(&state);
        let started = turn::take(&state, &context, move |turn| async move {
            shared.grants.running(&shared.pyro, Runs::Workspace(id)).await?;
            let started = shared.pyro.start_service(id, name, request, &turn.cancel).await;
            started.map_err(Refusal::from)
        });
        answer::object(&started.await?)
    }
}

impl ServiceStart {
    fn request(self) -> Result<StartServiceRequest, Refusal> {
        let env = self.env.unwrap_or_default().into_iter();
        let env = env.map(|(name, value)| Variable::new(name, value)).collect();
        let options = workspace_options(Some(&self.cwd), env, None).map_err(PyroError::from)?;
        let ready = readiness(self.ready_file, self.ready_tcp, self.ready_http, self.ready_command);
        let (seconds, interval_ms) = (self.ready_timeout_seconds, self.ready_interval_ms);
        let seconds = limits::ready_timeout_seconds(seconds).map_err(PyroError::from)?;
        let interval_ms = limits::ready_interval_ms(interval_ms).map_err(PyroError::from)?;
        Ok(StartServiceRequest {
            command: self.command,
            options: line::with_secrets(options, self.secret_env)?,
            readiness: ready.map_err(PyroError::from)?,
            ready_timeout_seconds: seconds,
            ready_interval_ms: interval_ms,
            restart: self.restart,
        })
    }
}
