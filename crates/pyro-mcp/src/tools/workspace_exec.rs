//! `workspace_exec`: a command in a workspace.

use super::describe::Describe;
use super::line::{self, Line};
use super::{annotations, answers, parameters, workspace};
use crate::answer;
use crate::grants::{Grants, Runs};
use crate::refusal::Refusal;
use crate::state::State;
use crate::turn;
use pyro_core::workspace_options;
use rmcp::RoleServer;
use rmcp::model::{CallToolResult, ToolAnnotations};
use rmcp::service::RequestContext;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Deserialize, JsonSchema)]
pub(super) struct WorkspaceExec {
    workspace_id: String,
    #[serde(flatten)]
    line: Line,
    /// Secret name to variable
    #[serde(default)]
    secret_env: Option<BTreeMap<String, String>>,
}

impl Describe for WorkspaceExec {
    const NAME: &'static str = "workspace_exec";
    const TITLE: &'static str = "Run a command in a workspace";
    const DESCRIPTION: &'static str = "Run a shell command in /workspace of a workspace; files stay, background processes until the workspace stops. exit_code is the command's, 124 on timeout. Long output keeps head and tail";
    const HAS_OUTPUT: bool = true;
    const TEXTS: &[(&str, &str)] = &[("cwd", "Default /workspace")];
    type Answer = answers::Executed;

    fn annotations(grants: &Grants) -> ToolAnnotations {
        // Of what the workspace holds a command may delete anything.
        annotations::works(grants).destructive(true)
    }

    async fn call(
        self,
        state: Arc<State>,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, Refusal> {
        let id = parameters::workspace_id(&self.workspace_id)?;
        let inline = self.line.inline();
        let (mut line, stdin) = self.line.request(workspace_options)?;
        line.options = line::with_secrets(line.options, self.secret_env)?;
        let (shared, pyro) = (Arc::clone(&state), state.pyro.clone().with_inline(inline));
        let executed = turn::take(&state, &context, move |turn| async move {
            shared.grants.running(&shared.pyro, Runs::Workspace(id)).await?;
            workspace::wake(&shared, id, &turn).await?;
            turn.reporter.say("running");
            let (stdin, output) = (line::stdin(stdin), turn.reporter.output());
            let executed = pyro.exec_workspace(id, line, stdin, output, &turn.cancel).await;
            executed.map_err(Refusal::from)
        });
        Ok(answer::ran(answer::object(&executed.await?)?))
    }
}
