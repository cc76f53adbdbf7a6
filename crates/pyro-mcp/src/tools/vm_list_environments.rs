//! `vm_list_environments`: what machines can hold.

use super::describe::Describe;
use super::{annotations, answers};
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

/// No arguments.
#[derive(Deserialize, JsonSchema)]
pub(super) struct VmListEnvironments {}

impl Describe for VmListEnvironments {
    const NAME: &'static str = "vm_list_environments";
    const TITLE: &'static str = "List environments";
    const DESCRIPTION: &'static str = "List the environments (base systems) that a vm can boot from, with their packages \
         and whether each is installed. One that is not is installed at its first use, which takes a minute or more.";
    type Answer = answers::Environments;

    fn annotations(_: &Grants) -> ToolAnnotations {
        annotations::looks()
    }

    async fn call(
        self,
        state: Arc<State>,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, Refusal> {
        let listed = turn::aside(&state, |pyro| pyro.list_environments()).await?;
        answer::list(&listed)
    }
}
