//! `vm_run`: one command in a machine of its own.

use super::{Describe, answers, parameters};
use crate::answer;
use crate::grants::Grants;
use crate::progress::Watch;
use crate::refusal::Refusal;
use crate::server::State;
use crate::turn::{self, Turn};
use pyro_core::PyroError;
use pyro_core::vm::shape::{Shape, timeout};
use pyro_core::vm::{CapturedRun, RunRequest, VmError};
use rmcp::RoleServer;
use rmcp::model::{CallToolResult, ToolAnnotations};
use rmcp::service::RequestContext;
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct VmRun {
    /// Base system
    #[schemars(schema_with = "parameters::environment")]
    environment: String,
    /// Line for the guest's shell, run as root in /
    #[schemars(length(max = 131_071), regex(pattern = r"\S"))]
    command: String,
    /// Virtual CPUs
    #[serde(default = "parameters::vcpu_count")]
    #[schemars(range(min = 1, max = 8))]
    vcpu_count: u32,
    /// Memory
    #[serde(default = "parameters::mem_mib")]
    #[schemars(range(min = 256, max = 32_768))]
    mem_mib: u32,
    /// Limit for the command
    #[serde(default = "parameters::timeout_seconds")]
    #[schemars(range(min = 1))]
    timeout_seconds: u32,
    /// Limit for the vm
    #[serde(default = "parameters::ttl_seconds")]
    #[schemars(range(min = 60))]
    ttl_seconds: u32,
    /// Needs the server's --allow-network
    #[serde(default)]
    network: bool,
    /// Run on the host if no vm can start; needs the server's --allow-host-compat
    #[serde(default)]
    allow_host_compat: bool,
}

impl Describe for VmRun {
    const NAME: &'static str = "vm_run";
    const TITLE: &'static str = "Run a command in a disposable vm";
    const DESCRIPTION: &'static str = "Run one shell command in a fresh Linux vm (sandbox) and delete the vm. For \
         untrusted code, builds, tests. Join steps with && in one call: no file outlives it. \
         exit_code is the command's, 124 on timeout (output so far is kept). Long output keeps head and tail; the rest is in stdout_file, for output_read.";
    type Answer = answers::Ran;

    fn annotations(grants: &Grants) -> ToolAnnotations {
        super::works(grants)
    }

    async fn call(self, state: Arc<State>, context: RequestContext<RoleServer>) -> Result<CallToolResult, Refusal> {
        state.grants.check(self.network, self.allow_host_compat)?;
        parameters::line(&self.command)?;
        let request = self.request()?;
        let shared = Arc::clone(&state);
        let ran = turn::take(&state, &context, move |turn| async move { run(&shared, request, turn).await }).await?;
        answer::object(&ran)
    }
}

impl VmRun {
    fn request(self) -> Result<RunRequest, PyroError> {
        Ok(RunRequest {
            environment: self.environment,
            command: self.command,
            shape: Shape::new(self.vcpu_count, self.mem_mib, self.ttl_seconds).map_err(VmError::from)?,
            timeout: timeout(self.timeout_seconds).map_err(VmError::from)?,
            allow_host_compat: self.allow_host_compat,
            network: self.network,
        })
    }
}

async fn run(state: &State, request: RunRequest, turn: Turn) -> Result<CapturedRun, PyroError> {
    let mut watch = Watch::new(&turn.reporter);
    let mut told = |progress| turn.reporter.tell(&request.environment, progress);
    state.run(&request, &mut |stream, bytes| watch.note(stream, bytes), &mut told, &turn.cancel).await
}
