//! `workspace_logs`: the history of a workspace's commands.

use super::describe::Describe;
use super::{annotations, answers, background, history, parameters};
use crate::answer;
use crate::grants::Grants;
use crate::refusal::Refusal;
use crate::state::State;
use rmcp::RoleServer;
use rmcp::model::{CallToolResult, ToolAnnotations};
use rmcp::service::RequestContext;
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;

#[derive(Deserialize, JsonSchema)]
pub(super) struct WorkspaceLogs {
    workspace_id: String,
    /// sequence of the last one known
    #[serde(default)]
    #[schemars(range(min = 0, max = 9_007_199_254_740_991_u64))]
    after: u64,
    /// Most commands
    #[serde(default = "parameters::log_limit")]
    #[schemars(range(min = 1, max = 1000))]
    limit: u32,
    /// Show the background instead
    #[serde(default)]
    background: bool,
    #[serde(default = "parameters::output_bytes")]
    #[schemars(schema_with = "parameters::output")]
    max_output_bytes: u32,
}

impl Describe for WorkspaceLogs {
    const NAME: &'static str = "workspace_logs";
    const TITLE: &'static str = "Read the history of commands";
    const DESCRIPTION: &'static str = "Show the commands that ran in a workspace and what they said, oldest first; with background, what processes left running printed. Where next_after is not null, call again with it as after.";
    type Answer = answers::Logs;

    fn annotations(_: &Grants) -> ToolAnnotations {
        annotations::looks()
    }

    async fn call(
        self,
        state: Arc<State>,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, Refusal> {
        let id = parameters::workspace_id(&self.workspace_id)?;
        if self.background {
            return answer::object(
                &background::background(&state, id, self.max_output_bytes).await?,
            );
        }
        answer::object(
            &history::logs(&state, id, self.after, self.limit, self.max_output_bytes).await?,
        )
    }
}
