//! `vm_delete`: delete a vm.

use super::describe::Describe;
use super::{annotations, answers, parameters};
use crate::answer;
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

#[derive(Deserialize, JsonSchema)]
pub(super) struct VmDelete {
    /// From vm_create
    vm_id: String,
}

impl Describe for VmDelete {
    const NAME: &'static str = "vm_delete";
    const TITLE: &'static str = "Delete a vm";
    const DESCRIPTION: &'static str = "Delete a vm with its disk, whatever its state; what it holds is lost. Do this to a vm that is no longer needed.";
    type Answer = answers::Deleted;

    fn annotations(_: &Grants) -> ToolAnnotations {
        annotations::ends()
    }

    async fn call(
        self,
        state: Arc<State>,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, Refusal> {
        let id = parameters::vm_id(&self.vm_id)?;
        answer::object(
            &turn::aside(&state, move |pyro| async move { pyro.delete_vm(id).await }).await?,
        )
    }
}
