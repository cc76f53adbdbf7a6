//! `vm_status`: a vm as it is now.

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
pub(super) struct VmStatus {
    /// From vm_create
    vm_id: String,
}

impl Describe for VmStatus {
    const NAME: &'static str = "vm_status";
    const TITLE: &'static str = "Look at a vm";
    const DESCRIPTION: &'static str = "Show one vm: its state (created, started, stopped), shape, and when it expires. An expired vm is deleted and reported as not_found.";
    type Answer = answers::Vm;

    fn annotations(_: &Grants) -> ToolAnnotations {
        annotations::looks()
    }

    async fn call(
        self,
        state: Arc<State>,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, Refusal> {
        let id = parameters::vm_id(&self.vm_id)?;
        answer::object(
            &turn::aside(&state, move |pyro| async move { pyro.status_vm(id).await }).await?,
        )
    }
}
