//! `workspace_exec`: a command in a workspace.

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
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WorkspaceExec {
    workspace_id: String,
    /// Line for the user's login shell (root: bash)
    #[schemars(length(max = 2_097_152), regex(pattern = r"\S"))]
    command: String,
    /// Limit for the command
    #[serde(default = "parameters::timeout_seconds")]
    #[schemars(range(min = 1))]
    timeout_seconds: u32,
    /// Default /workspace
    #[serde(default)]
    cwd: Option<String>,
    /// More variables
    #[serde(default)]
    env: Option<BTreeMap<String, String>>,
    /// NAME or UID[:GROUP], default root
    #[serde(default)]
    user: Option<String>,
    #[serde(default)]
    #[schemars(schema_with = "parameters::shell")]
    shell: Option<String>,
    #[serde(default)]
    stdin: Option<String>,
    #[serde(default = "parameters::output_bytes")]
    #[schemars(schema_with = "parameters::command_output")]
    max_output_bytes: u32,
}

impl Describe for WorkspaceExec {
    const NAME: &'static str = "workspace_exec";
    const TITLE: &'static str = "Run a command in a workspace";
    const DESCRIPTION: &'static str = "Run a shell command in /workspace of a workspace; files stay, background processes until the workspace stops. exit_code is the command's, 124 on timeout. Long output keeps head and tail";
    const HAS_OUTPUT: bool = true;
    type Answer = answers::Executed;

    fn annotations(grants: &Grants) -> ToolAnnotations {
        // Of what the workspace holds a command may delete anything.
        super::works(grants).destructive(true)
    }

    async fn call(self, state: Arc<State>, context: RequestContext<RoleServer>) -> Result<CallToolResult, Refusal> {
        let id = parameters::workspace_id(&self.workspace_id)?;
        let line = Line {
            command: self.command,
            timeout_seconds: self.timeout_seconds,
            cwd: self.cwd,
            env: self.env,
            user: self.user,
            shell: self.shell,
        };
        let inline = parameters::inline(self.max_output_bytes);
        let executed = workspace::exec(&state, &context, id, line, self.stdin, inline).await?;
        Ok(answer::ran(answer::object(&executed)?))
    }
}
