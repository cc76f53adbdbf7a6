//! `vm_create`: a vm that stays until its command.

use super::describe::Describe;
use super::machine::Machine;
use super::{annotations, answers, parameters};
use crate::answer;
use crate::grants::Grants;
use crate::refusal::Refusal;
use crate::state::State;
use crate::turn;
use pyro_core::VmRequest;
use rmcp::RoleServer;
use rmcp::model::{CallToolResult, ToolAnnotations};
use rmcp::service::RequestContext;
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;

#[derive(Deserialize, JsonSchema)]
pub(super) struct VmCreate {
    #[serde(flatten)]
    machine: Machine,
    /// Lifetime of the vm
    #[serde(default = "parameters::ttl_seconds")]
    #[schemars(range(min = 60))]
    ttl_seconds: u32,
}

impl Describe for VmCreate {
    const NAME: &'static str = "vm_create";
    const TITLE: &'static str = "Create a vm";
    const DESCRIPTION: &'static str = "Create a vm that is not running yet and give its vm_id, for vm_start and then one \
         vm_exec. For a single command take vm_run instead. It is deleted after its command, by vm_delete, or when \
         ttl_seconds are over.";
    type Answer = answers::Vm;

    fn annotations(grants: &Grants) -> ToolAnnotations {
        annotations::works(grants)
    }

    async fn call(
        self,
        state: Arc<State>,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, Refusal> {
        self.machine.check(&state.grants)?;
        let shape = self.machine.shape(self.ttl_seconds)?;
        let Machine { environment, network, allow_host_compat, .. } = self.machine;
        let request = VmRequest { environment, shape, allow_host_compat, network };
        let pyro = state.pyro.clone();
        let created = turn::take(&state, &context, move |turn| async move {
            turn.reporter.say("creating the vm");
            let caller = turn.caller(&request.environment);
            pyro.create_vm(request, caller).await
        });
        answer::object(&created.await?)
    }
}
