//! `shell_open`: an interactive shell in a workspace.

use super::describe::Describe;
use super::{annotations, answers, line, parameters};
use crate::answer;
use crate::grants::{Grants, Runs};
use crate::refusal::Refusal;
use crate::state::State;
use crate::turn;
use pyro_core::{OpenShellRequest, PyroError, Variable, limits, workspace_options};
use rmcp::RoleServer;
use rmcp::model::{CallToolResult, ToolAnnotations};
use rmcp::service::RequestContext;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Deserialize, JsonSchema)]
pub(super) struct ShellOpen {
    workspace_id: String,
    #[serde(default = "parameters::root")]
    cwd: String,
    #[serde(default = "parameters::cols")]
    #[schemars(range(min = 1, max = 500))]
    cols: u16,
    #[serde(default = "parameters::rows")]
    #[schemars(range(min = 1, max = 200))]
    rows: u16,
    /// More variables
    #[serde(default)]
    env: Option<BTreeMap<String, String>>,
    /// NAME or UID[:GROUP], default root
    #[serde(default)]
    user: Option<String>,
    /// Secret name to variable
    #[serde(default)]
    secret_env: Option<BTreeMap<String, String>>,
}

impl Describe for ShellOpen {
    const NAME: &'static str = "shell_open";
    const TITLE: &'static str = "Open a shell in a workspace";
    const DESCRIPTION: &'static str = "Open an interactive bash on a terminal, for what asks questions or keeps state: REPLs, debuggers, editors. It goes on until shell_close or the workspace stops. For one command take workspace_exec.";
    type Answer = answers::Shell;

    fn annotations(grants: &Grants) -> ToolAnnotations {
        annotations::works(grants)
    }

    async fn call(
        self,
        state: Arc<State>,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, Refusal> {
        let id = parameters::workspace_id(&self.workspace_id)?;
        let env = self.env.unwrap_or_default().into_iter();
        let env = env.map(|(name, value)| Variable::new(name, value)).collect();
        let options = workspace_options(Some(&self.cwd), env, self.user.as_deref());
        let options = line::with_secrets(options.map_err(PyroError::from)?, self.secret_env)?;
        let size = limits::terminal_size(self.cols, self.rows).map_err(PyroError::from)?;
        let request = OpenShellRequest { options, size };
        let shared = Arc::clone(&state);
        let opened = turn::take(&state, &context, move |turn| async move {
            shared.grants.running(&shared.pyro, Runs::Workspace(id)).await?;
            let opened = shared.pyro.open_shell(id, request, &turn.cancel).await;
            opened.map_err(Refusal::from)
        });
        answer::object(&opened.await?)
    }
}
