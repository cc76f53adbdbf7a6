//! `workspace_fork`: new workspaces from the disk of one.

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
pub(super) struct WorkspaceFork {
    workspace_id: String,
    /// How many
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 32))]
    count: u32,
    /// Of the copies
    #[serde(default)]
    #[schemars(length(min = 1, max = 120))]
    name: Option<String>,
}

impl Describe for WorkspaceFork {
    const NAME: &'static str = "workspace_fork";
    const TITLE: &'static str = "Fork a workspace";
    const DESCRIPTION: &'static str = "Make independent copies of a workspace from its present files, in under a second each, to try several fixes at once. Processes are not copied.";
    type Answer = answers::Forks;

    fn annotations(_: &Grants) -> ToolAnnotations {
        annotations::keeps()
    }

    async fn call(
        self,
        state: Arc<State>,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, Refusal> {
        let id = parameters::workspace_id(&self.workspace_id)?;
        let shared = Arc::clone(&state);
        let forked = turn::take(&state, &context, move |turn| async move {
            shared.grants.running(&shared.pyro, Runs::Workspace(id)).await?;
            turn.reporter.say("forking the workspace");
            let forked = shared.pyro.fork_workspace(id, self.count, self.name, &turn.cancel);
            forked.await.map_err(Refusal::from)
        });
        answer::object(&forked.await?)
    }
}

fn one() -> u32 {
    1
}
