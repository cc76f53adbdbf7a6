//! What the tools for shells have in common: ids parsed at the door, grants, turns.

use super::parameters;
use crate::grants::Runs;
use crate::refusal::Refusal;
use crate::state::State;
use crate::turn;
use pyro_core::{ErrorKind, Id, Pyro, PyroError};
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;

/// A shell of a workspace.
#[derive(Deserialize, JsonSchema)]
pub(super) struct Named {
    workspace_id: String,
    shell_id: String,
}

impl Named {
    /// Its workspace and itself.
    pub(super) fn ids(&self) -> Result<(Id, Id), Refusal> {
        let shell = Id::parse(&self.shell_id).map_err(|error| {
            Refusal::new(ErrorKind::InvalidInput, format!("shell_{error}"))
                .hint("take the shell_id that shell_open gave")
        })?;
        Ok((parameters::workspace_id(&self.workspace_id)?, shell))
    }
}

/// Do what is short to the shell of a workspace, where the workspace may be worked in.
pub(super) async fn work<T, F>(
    state: &Arc<State>,
    id: Id,
    act: impl FnOnce(Pyro) -> F + Send + 'static,
) -> Result<T, Refusal>
where
    T: Send + 'static,
    F: Future<Output = Result<T, PyroError>> + Send,
{
    state.grants.running(&state.pyro, Runs::Workspace(id)).await?;
    turn::aside(state, act).await
}
