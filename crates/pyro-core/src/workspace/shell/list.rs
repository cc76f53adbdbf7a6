//! All shells of a workspace.

use super::info::ShellList;
use crate::config::Config;
use crate::id::Id;
use crate::vm::control::shells::{ShellReply, ShellRequest};
use crate::workspace::error::WorkspaceError;
use crate::workspace::running::Running;

/// The shells of a workspace, whoever opened them; none where it is stopped.
///
/// # Errors
/// [`WorkspaceError`].
pub async fn list(config: &Config, id: Id) -> Result<ShellList, WorkspaceError> {
    let running = match Running::open(config, id).await {
        Err(WorkspaceError::NotStarted { .. }) => {
            return Ok(ShellList { workspace_id: id, count: 0, shells: Vec::new() });
        }
        running => running?,
    };
    match running.client().shell(ShellRequest::List).await? {
        ShellReply::Shells(shells) => {
            let shells: Vec<_> =
                shells.into_iter().map(|state| running.shell_info(state)).collect();
            Ok(ShellList { workspace_id: id, count: shells.len(), shells })
        }
        reply => Err(running.refused(id, 0, reply)),
    }
}
