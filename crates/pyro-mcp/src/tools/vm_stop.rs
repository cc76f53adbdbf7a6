//! `vm_stop`: stop a vm and keep its disk.

use super::describe::Describe;
use super::{annotations, answers, parameters};
use crate::answer;
use crate::grants::Grants;
use crate::refusal::Refusal;
use crate::state::State;
use crate::turn;
use pyro_core::{ErrorKind, VmState};
use rmcp::RoleServer;
use rmcp::model::{CallToolResult, ToolAnnotations};
use rmcp::service::RequestContext;
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;

#[derive(Deserialize, JsonSchema)]
pub(super) struct VmStop {
    /// From vm_create
    vm_id: String,
}

impl Describe for VmStop {
    const NAME: &'static str = "vm_stop";
    const TITLE: &'static str = "Stop a vm";
    const DESCRIPTION: &'static str = "Stop a started vm. Its disk is kept and vm_start boots it again from there; processes and memory are lost.";
    type Answer = answers::Vm;

    fn annotations(_: &Grants) -> ToolAnnotations {
        annotations::ends().idempotent(true)
    }

    async fn call(
        self,
        state: Arc<State>,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, Refusal> {
        let id = parameters::vm_id(&self.vm_id)?;
        let stopped = turn::aside(&state, move |pyro| async move {
            match pyro.stop_vm(id).await {
                // A model that asks twice has it stopped.
                Err(error) if error.kind() == ErrorKind::WrongState => pyro
                    .status_vm(id)
                    .await
                    .ok()
                    .filter(|vm| vm.state == VmState::Stopped)
                    .ok_or(error),
                stopped => stopped,
            }
        });
        answer::object(&stopped.await?)
    }
}
