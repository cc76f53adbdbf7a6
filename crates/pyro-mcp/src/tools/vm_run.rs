//! `vm_run`: one command in a machine of its own.

use super::describe::Describe;
use super::line::{self, Line};
use super::machine::Machine;
use super::{annotations, answers, parameters, tool};
use crate::answer;
use crate::grants::Grants;
use crate::refusal::Refusal;
use crate::state::State;
use crate::turn;
use pyro_core::{ExecOptions, RunRequest};
use rmcp::RoleServer;
use rmcp::model::{CallToolResult, JsonObject, ToolAnnotations};
use rmcp::service::RequestContext;
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;

#[derive(Deserialize, JsonSchema)]
pub(crate) struct VmRun {
    #[serde(flatten)]
    machine: Machine,
    #[serde(flatten)]
    line: Line,
    #[serde(default = "parameters::ttl_seconds")]
    #[schemars(range(min = 60))]
    ttl_seconds: u32,
}

impl Describe for VmRun {
    const NAME: &'static str = "vm_run";
    const TITLE: &'static str = "Run a command in a disposable vm";
    const DESCRIPTION: &'static str = "Run a shell command in a fresh, disposable Linux vm (sandbox). For untrusted code, \
         builds, tests. Join steps with &&: no file outlives the call. exit_code is the command's, 124 on timeout. Long output keeps head and tail";
    const HAS_OUTPUT: bool = true;
    // It stands in every list: what its names say is not said again.
    const TEXTS: &[(&str, &str)] =
        &[("vcpu_count", ""), ("mem_mib", ""), ("timeout_seconds", "Of the command"), ("env", "")];
    type Answer = answers::Ran;

    fn annotations(grants: &Grants) -> ToolAnnotations {
        annotations::works(grants)
    }

    async fn call(
        self,
        state: Arc<State>,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, Refusal> {
        let pyro = state.pyro.clone().with_inline(self.line.inline());
        let (request, stdin) = self.request(&state.grants)?;
        let ran = turn::take(&state, &context, move |turn| async move {
            let caller = turn.caller(&request.environment);
            pyro.run(request, line::stdin(stdin), turn.reporter.output(), caller).await
        });
        Ok(answer::ran(answer::object(&ran.await?)?))
    }
}

impl VmRun {
    /// The schema of its parameters.
    pub(crate) fn parameters(grants: &Grants) -> JsonObject {
        tool::parameters::<Self>(None, grants)
    }

    /// What to run, and its stdin, where these grants allow it.
    pub(crate) fn request(self, grants: &Grants) -> Result<(RunRequest, Option<String>), Refusal> {
        self.machine.check(grants)?;
        let shape = self.machine.shape(self.ttl_seconds)?;
        let (line, stdin) = self.line.request(ExecOptions::parse)?;
        let Machine { environment, network, allow_host_compat, .. } = self.machine;
        Ok((RunRequest { environment, line, shape, allow_host_compat, network }, stdin))
    }
}
