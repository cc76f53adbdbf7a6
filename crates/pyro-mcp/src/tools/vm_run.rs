//! `vm_run`: one command in a machine of its own.

use super::line::Line;
use super::{Describe, answers, parameters};
use crate::answer;
use crate::grants::Grants;
use crate::progress::Watch;
use crate::refusal::Refusal;
use crate::state::State;
use crate::turn::{self, Turn};
use pyro_core::vm::shape::Shape;
use pyro_core::vm::{CapturedRun, ExecOptions, RunRequest};
use pyro_core::{Pyro, PyroError};
use rmcp::RoleServer;
use rmcp::model::{CallToolResult, ToolAnnotations};
use rmcp::service::RequestContext;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::io::AsyncRead;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct VmRun {
    #[schemars(schema_with = "parameters::environment")]
    environment: String,
    /// Line for the user's login shell (root: bash)
    #[schemars(length(max = 2_097_152), regex(pattern = r"\S"))]
    command: String,
    #[serde(default = "parameters::vcpu_count")]
    #[schemars(range(min = 1, max = 8))]
    vcpu_count: u32,
    #[serde(default = "parameters::mem_mib")]
    #[schemars(range(min = 256, max = 32_768))]
    mem_mib: u32,
    /// Of the command
    #[serde(default = "parameters::timeout_seconds")]
    #[schemars(range(min = 1))]
    timeout_seconds: u32,
    #[serde(default = "parameters::ttl_seconds")]
    #[schemars(range(min = 60))]
    ttl_seconds: u32,
    /// Needs --allow-network
    #[serde(default)]
    network: bool,
    /// Run on the host if no vm can start; needs --allow-host-compat
    #[serde(default)]
    allow_host_compat: bool,
    #[serde(default)]
    cwd: Option<String>,
    #[serde(default)]
    env: Option<BTreeMap<String, String>>,
    /// NAME or UID[:GROUP], default root
    #[serde(default)]
    user: Option<String>,
    #[serde(default)]
    #[schemars(schema_with = "parameters::shell")]
    shell: Option<String>,
    #[serde(default)]
    stdin: Option<String>,
    #[serde(default = "parameters::output_bytes")]
    #[schemars(schema_with = "parameters::command_output")]
    max_output_bytes: u32,
}

impl Describe for VmRun {
    const NAME: &'static str = "vm_run";
    const TITLE: &'static str = "Run a command in a disposable vm";
    const DESCRIPTION: &'static str = "Run a shell command in a fresh, disposable Linux vm (sandbox). For untrusted code, \
         builds, tests. Join steps with &&: no file outlives the call. exit_code is the command's, 124 on timeout. Long output keeps head and tail";
    const HAS_OUTPUT: bool = true;
    type Answer = answers::Ran;

    fn annotations(grants: &Grants) -> ToolAnnotations {
        super::works(grants)
    }

    async fn call(self, state: Arc<State>, context: RequestContext<RoleServer>) -> Result<CallToolResult, Refusal> {
        let pyro = state.pyro.clone().with_inline(parameters::inline(self.max_output_bytes));
        let (request, stdin) = self.request(&state.grants)?;
        let ran =
            turn::take(&state, &context, move |turn| async move { run(&pyro, request, stdin.as_deref(), turn).await });
        Ok(answer::ran(answer::object(&ran.await?)?))
    }
}

impl VmRun {
    /// What to run, and its stdin, where these grants allow it.
    pub(crate) fn request(self, grants: &Grants) -> Result<(RunRequest, Option<String>), Refusal> {
        grants.check(self.network, self.allow_host_compat)?;
        let line = Line {
            command: self.command,
            timeout_seconds: self.timeout_seconds,
            cwd: self.cwd,
            env: self.env,
            user: self.user,
            shell: self.shell,
        };
        let shape = Shape::new(self.vcpu_count, self.mem_mib, self.ttl_seconds).map_err(PyroError::from)?;
        let request = RunRequest {
            environment: self.environment,
            line: line.request(ExecOptions::parse)?,
            shape,
            allow_host_compat: self.allow_host_compat,
            network: self.network,
        };
        Ok((request, self.stdin))
    }
}

async fn run(pyro: &Pyro, request: RunRequest, stdin: Option<&str>, turn: Turn) -> Result<CapturedRun, PyroError> {
    let mut stdin = stdin.map(str::as_bytes);
    let stdin = stdin.as_mut().map(|stdin| stdin as &mut (dyn AsyncRead + Unpin + Send));
    let mut watch = Watch::new(&turn.reporter);
    let mut told = |progress| turn.reporter.tell(&request.environment, progress);
    pyro.run_captured(&request, stdin, &mut |stream, bytes| watch.note(stream, bytes), &mut told, &turn.cancel).await
}
