//! `vm_start`: start a vm that was created or stopped.

use super::describe::Describe;
use super::{annotations, answers, parameters};
use crate::answer;
use crate::grants::{Grants, Runs};
use crate::refusal::Refusal;
use crate::state::State;
use crate::turn;
use rmcp::RoleServer;
use rmcp::model::{CallToolResult, ToolAnnotations};
use rmcp::service::RequestContext;
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;

#[derive(Deserialize, JsonSchema)]
pub(super) struct VmStart {
    /// From vm_create
    vm_id: String,
}

impl Describe for VmStart {
    const NAME: &'static str = "vm_start";
    const TITLE: &'static str = "Start a vm";
    const DESCRIPTION: &'static str = "Start a vm that vm_create made or vm_stop stopped, and wait until its guest answers. \
         Then vm_exec runs a command in it.";
    type Answer = answers::Vm;

    fn annotations(grants: &Grants) -> ToolAnnotations {
        annotations::works(grants)
    }

    async fn call(
        self,
        state: Arc<State>,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, Refusal> {
        let (id, shared) = (parameters::vm_id(&self.vm_id)?, Arc::clone(&state));
        let started = turn::take(&state, &context, move |turn| async move {
            shared.grants.running(&shared.pyro, Runs::Vm(id)).await?;
            turn.reporter.say("starting the vm");
            shared.pyro.start_vm(id, &turn.cancel).await.map_err(Refusal::from)
        });
        answer::object(&started.await?)
    }
}
