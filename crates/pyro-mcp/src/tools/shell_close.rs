//! `shell_close`: the end of a shell.

use super::describe::Describe;
use super::shell::{Named, work};
use super::{annotations, answers};
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
pub(super) struct ShellClose {
    #[serde(flatten)]
    shell: Named,
}

impl Describe for ShellClose {
    const NAME: &'static str = "shell_close";
    const TITLE: &'static str = "Close a shell";
    const DESCRIPTION: &'static str =
        "End a shell with all that was started in it, within seconds; its output is gone then.";
    type Answer = answers::ShellClosed;

    fn annotations(_: &Grants) -> ToolAnnotations {
        annotations::ends()
    }

    async fn call(
        self,
        state: Arc<State>,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, Refusal> {
        let (id, shell) = self.shell.ids()?;
        let closed = work(&state, id, move |pyro| async move { pyro.close_shell(id, shell).await });
        answer::object(&closed.await?)
    }
}
