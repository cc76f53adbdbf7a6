//! `vm_network_info`: the network of a vm.

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
pub(super) struct VmNetworkInfo {
    /// From vm_create
    vm_id: String,
}

impl Describe for VmNetworkInfo {
    const NAME: &'static str = "vm_network_info";
    const TITLE: &'static str = "Look at a vm's network";
    const DESCRIPTION: &'static str = "Show the network of one vm: whether it has one, its addresses, and whether it is expected to reach the outside.";
    type Answer = answers::Network;

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
            &turn::aside(&state, move |pyro| async move { pyro.network_info_vm(id).await }).await?,
        )
    }
}
