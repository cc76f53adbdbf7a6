//! `shell_signal`: a signal for what runs in a shell.

use super::describe::Describe;
use super::shell::{Named, work};
use super::{annotations, answers, parameters};
use crate::answer;
use crate::grants::Grants;
use crate::refusal::Refusal;
use crate::state::State;
use pyro_core::{PyroError, ShellSignal as Signal};
use rmcp::RoleServer;
use rmcp::model::{CallToolResult, ToolAnnotations};
use rmcp::service::RequestContext;
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;

#[derive(Deserialize, JsonSchema)]
pub(super) struct ShellSignal {
    #[serde(flatten)]
    shell: Named,
    #[serde(default = "parameters::signal")]
    #[schemars(schema_with = "parameters::signals")]
    signal_name: String,
}

impl Describe for ShellSignal {
    const NAME: &'static str = "shell_signal";
    const TITLE: &'static str = "Signal what runs in a shell";
    const DESCRIPTION: &'static str = "Send a signal to the job in a shell's foreground, or to the shell at its prompt: INT interrupts, KILL cannot be refused.";
    type Answer = answers::Shell;

    fn annotations(_: &Grants) -> ToolAnnotations {
        annotations::ends()
    }

    async fn call(
        self,
        state: Arc<State>,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, Refusal> {
        let (id, shell) = self.shell.ids()?;
        let signal = Signal::parse(&self.signal_name).map_err(PyroError::from)?;
        let signalled =
            work(&state, id, move |pyro| async move { pyro.signal_shell(id, shell, signal).await });
        answer::object(&signalled.await?)
    }
}
