//! `task_exec`: a command in a task.

use super::line::Line;
use super::{Describe, answers, parameters, workspace};
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
#[serde(deny_unknown_fields)]
pub(super) struct TaskExec {
    /// From task_create
    task_id: String,
    /// Line for root's login shell, bash
    #[schemars(length(max = 2_097_152), regex(pattern = r"\S"))]
    command: String,
    /// Limit for the command
    #[serde(default = "parameters::timeout_seconds")]
    #[schemars(range(min = 1))]
    timeout_seconds: u32,
    #[serde(default = "parameters::output_bytes")]
    #[schemars(schema_with = "parameters::command_output")]
    max_output_bytes: u32,
}

impl Describe for TaskExec {
    const NAME: &'static str = "task_exec";
    const TITLE: &'static str = "Run a command in a task";
    const DESCRIPTION: &'static str = "Run a shell command in /workspace of a task; files stay. exit_code is the command's, 124 on timeout. Long output keeps head and tail";
    const HAS_OUTPUT: bool = true;
    type Answer = answers::TaskExecuted;

    fn annotations(grants: &Grants) -> ToolAnnotations {
        // Of what the workspace holds a command may delete anything.
        super::works(grants).destructive(true)
    }

    async fn call(self, state: Arc<State>, context: RequestContext<RoleServer>) -> Result<CallToolResult, Refusal> {
        let id = parameters::task_id(&self.task_id)?;
        let line = Line { command: self.command, timeout_seconds: self.timeout_seconds, ..Line::default() };
        let inline = parameters::inline(self.max_output_bytes);
        let executed = workspace::exec(&state, &context, id, line, None, inline).await?;
        Ok(answer::ran(answer::of_task(&executed)?))
    }
}
