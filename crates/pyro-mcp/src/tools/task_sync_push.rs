//! `task_sync_push`: a host tree brought into a task.

use super::workspace::{self, Push};
use super::{Describe, answers, parameters};
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
pub(super) struct TaskSyncPush {
    /// From task_create
    task_id: String,
    /// Host directory, or tar file (also gz, bz2, xz, zst); below a path granted to the server
    source_path: String,
    /// Directory it becomes
    #[serde(default = "parameters::root")]
    dest: String,
}

impl Describe for TaskSyncPush {
    const NAME: &'static str = "task_sync_push";
    const TITLE: &'static str = "Bring host files into a task";
    const DESCRIPTION: &'static str =
        "Copy a host directory or archive into a task; only what differs is sent, and a failed push changes nothing.";
    type Answer = answers::TaskSynced;

    fn annotations(_: &Grants) -> ToolAnnotations {
        super::replaces().idempotent(true)
    }

    async fn call(self, state: Arc<State>, context: RequestContext<RoleServer>) -> Result<CallToolResult, Refusal> {
        let id = parameters::task_id(&self.task_id)?;
        let push = Push { source_path: self.source_path, dest: self.dest, ..Push::default() };
        answer::of_task(&workspace::push(&state, &context, id, push).await?)
    }
}
