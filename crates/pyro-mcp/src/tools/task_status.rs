//! `task_status`: a task as it is now.

use super::{Describe, answers, parameters};
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
#[serde(deny_unknown_fields)]
pub(super) struct TaskStatus {
    /// From task_create
    task_id: String,
}

impl Describe for TaskStatus {
    const NAME: &'static str = "task_status";
    const TITLE: &'static str = "Look at a task";
    const DESCRIPTION: &'static str =
        "Show one task: its state, shape, command_count, last_command, and when it expires.";
    type Answer = answers::Task;

    fn annotations(_: &Grants) -> ToolAnnotations {
        super::looks()
    }

    async fn call(self, state: Arc<State>, _: RequestContext<RoleServer>) -> Result<CallToolResult, Refusal> {
        let id = parameters::task_id(&self.task_id)?;
        answer::of_task(&turn::aside(&state, move |pyro| async move { pyro.status_workspace(id).await }).await?)
    }
}
