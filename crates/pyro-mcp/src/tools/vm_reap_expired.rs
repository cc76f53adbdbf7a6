//! `vm_reap_expired`: delete the vms whose lifetime is over.

use super::describe::Describe;
use super::{annotations, answers};
use crate::answer;
use crate::grants::Grants;
use crate::refusal::Refusal;
use crate::state::State;
use crate::turn;
use pyro_contract::results::Reaped;
use rmcp::RoleServer;
use rmcp::model::{CallToolResult, ToolAnnotations};
use rmcp::service::RequestContext;
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;

#[derive(Deserialize, JsonSchema)]
pub(super) struct VmReapExpired {}

impl Describe for VmReapExpired {
    const NAME: &'static str = "vm_reap_expired";
    const TITLE: &'static str = "Delete expired vms";
    const DESCRIPTION: &'static str = "Delete every vm whose ttl_seconds are over, with its disk. Rarely needed: expired vms \
         stop by themselves and are deleted when met.";
    type Answer = answers::Reaped;

    fn annotations(_: &Grants) -> ToolAnnotations {
        annotations::ends().idempotent(true)
    }

    async fn call(
        self,
        state: Arc<State>,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, Refusal> {
        let ids = turn::aside(&state, |pyro| async move { pyro.reap_expired_vms().await }).await?;
        answer::object(&Reaped::from(ids))
    }
}
