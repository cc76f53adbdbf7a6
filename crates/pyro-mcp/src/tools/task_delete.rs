//! `task_delete`: delete a task.

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
pub(super) struct TaskDelete {
    /// From task_create
    task_id: String,
}

impl Describe for TaskDelete {
    const NAME: &'static str = "task_delete";
    const TITLE: &'static str = "Delete a task";
    const DESCRIPTION: &'static str = "Delete a task with its files and history, whatever its state.";
    type Answer = answers::TaskDeleted;

    fn annotations(_: &Grants) -> ToolAnnotations {
        super::ends()
    }

    async fn call(self, state: Arc<State>, _: RequestContext<RoleServer>) -> Result<CallToolResult, Refusal> {
        let id = parameters::task_id(&self.task_id)?;
        answer::of_task(&turn::aside(&state, move |pyro| async move { pyro.delete_workspace(id).await }).await?)
    }
}
