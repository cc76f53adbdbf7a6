//! `vm_exec`: one command in a started vm, which is deleted after it.

use super::describe::Describe;
use super::line::{self, Line};
use super::{annotations, answers, parameters};
use crate::answer;
use crate::grants::{Grants, Runs};
use crate::refusal::Refusal;
use crate::state::State;
use crate::turn;
use pyro_core::ExecOptions;
use rmcp::RoleServer;
use rmcp::model::{CallToolResult, ToolAnnotations};
use rmcp::service::RequestContext;
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;

#[derive(Deserialize, JsonSchema)]
pub(super) struct VmExec {
    /// Of a started vm
    vm_id: String,
    #[serde(flatten)]
    line: Line,
}

impl Describe for VmExec {
    const NAME: &'static str = "vm_exec";
    const TITLE: &'static str = "Run a command in a vm, once";
    const DESCRIPTION: &'static str = "Run one shell command in a started vm and DELETE the vm with its disk, whatever the \
         command's exit_code. Join all steps with &&. For a command without a vm of its own, vm_run is one call. exit_code \
         is 124 on timeout. Long output keeps head and tail";
    const HAS_OUTPUT: bool = true;
    const TEXTS: &[(&str, &str)] = &[("cwd", "Default /")];
    type Answer = answers::Ran;

    fn annotations(grants: &Grants) -> ToolAnnotations {
        // The vm goes with its command.
        annotations::works(grants).destructive(true)
    }

    async fn call(
        self,
        state: Arc<State>,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, Refusal> {
        let (id, shared) = (parameters::vm_id(&self.vm_id)?, Arc::clone(&state));
        let pyro = state.pyro.clone().with_inline(self.line.inline());
        let (line, stdin) = self.line.request(ExecOptions::parse)?;
        let ran = turn::take(&state, &context, move |turn| async move {
            shared.grants.running(&shared.pyro, Runs::Vm(id)).await?;
            turn.reporter.say("running");
            let (stdin, output) = (line::stdin(stdin), turn.reporter.output());
            pyro.exec_vm(id, line, stdin, output, &turn.cancel).await.map_err(Refusal::from)
        });
        Ok(answer::ran(answer::object(&ran.await?)?))
    }
}
