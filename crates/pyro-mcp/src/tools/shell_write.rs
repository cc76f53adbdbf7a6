//! `shell_write`: input for a shell.

use super::describe::Describe;
use super::shell::{Named, work};
use super::{annotations, answers, parameters};
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
pub(super) struct ShellWrite {
    #[serde(flatten)]
    shell: Named,
    /// Keys are characters: \u0003 is Ctrl-C, \u001b Escape
    #[schemars(length(max = 262_143))]
    input: String,
    #[serde(default = "parameters::yes")]
    append_newline: bool,
}

impl Describe for ShellWrite {
    const NAME: &'static str = "shell_write";
    const TITLE: &'static str = "Type into a shell";
    const DESCRIPTION: &'static str = "Type text into a shell, as at its keyboard; returns at once. Read what comes of it with shell_read.";
    type Answer = answers::Shell;

    fn annotations(grants: &Grants) -> ToolAnnotations {
        // As a command, it may delete anything that the workspace holds.
        annotations::works(grants).destructive(true)
    }

    async fn call(
        self,
        state: Arc<State>,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, Refusal> {
        let (id, shell) = self.shell.ids()?;
        let written = work(&state, id, move |pyro| async move {
            pyro.write_shell(id, shell, self.input, self.append_newline).await
        });
        answer::object(&written.await?)
    }
}
