//! `vm_create`: a vm that stays until its command.

use super::{Describe, answers, parameters};
use crate::answer;
use crate::grants::Grants;
use crate::refusal::Refusal;
use crate::state::State;
use crate::turn;
use pyro_core::PyroError;
use pyro_core::vm::shape::Shape;
use pyro_core::vm::{VmError, VmRequest};
use rmcp::RoleServer;
use rmcp::model::{CallToolResult, ToolAnnotations};
use rmcp::service::RequestContext;
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct VmCreate {
    #[schemars(schema_with = "parameters::environment")]
    environment: String,
    /// Virtual CPUs
    #[serde(default = "parameters::vcpu_count")]
    #[schemars(range(min = 1, max = 8))]
    vcpu_count: u32,
    /// Memory
    #[serde(default = "parameters::mem_mib")]
    #[schemars(range(min = 256, max = 32_768))]
    mem_mib: u32,
    /// Lifetime of the vm
    #[serde(default = "parameters::ttl_seconds")]
    #[schemars(range(min = 60))]
    ttl_seconds: u32,
    /// Needs the server's --allow-network
    #[serde(default)]
    network: bool,
    /// Run on the host where no vm can start; needs the server's --allow-host-compat
    #[serde(default)]
    allow_host_compat: bool,
}

impl Describe for VmCreate {
    const NAME: &'static str = "vm_create";
    const TITLE: &'static str = "Create a vm";
    const DESCRIPTION: &'static str = "Create a vm that is not running yet and give its vm_id, for vm_start and then one \
         vm_exec. For a single command take vm_run instead. It is deleted after its command, by vm_delete, or when \
         ttl_seconds are over.";
    type Answer = answers::Vm;

    fn annotations(grants: &Grants) -> ToolAnnotations {
        super::works(grants)
    }

    async fn call(self, state: Arc<State>, context: RequestContext<RoleServer>) -> Result<CallToolResult, Refusal> {
        state.grants.check(self.network, self.allow_host_compat)?;
        let shape = Shape::new(self.vcpu_count, self.mem_mib, self.ttl_seconds).map_err(VmError::from);
        let request = VmRequest {
            environment: self.environment,
            shape: shape.map_err(PyroError::from)?,
            allow_host_compat: self.allow_host_compat,
            network: self.network,
        };
        let pyro = state.pyro.clone();
        let created = turn::take(&state, &context, move |turn| async move {
            turn.reporter.say("creating the vm");
            let mut told = |progress| turn.reporter.tell(&request.environment, progress);
            pyro.create_vm(&request, &mut told, &turn.cancel).await
        });
        answer::object(&created.await?)
    }
}
