//! Another size for a shell's terminal.

use super::info::ShellInfo;
use crate::config::Config;
use crate::id::Id;
use crate::vm::control::shells::ShellRequest;
use crate::workspace::error::WorkspaceError;
use crate::workspace::running::Running;
use pyro_protocol::message::TerminalSize;

/// Give a shell's terminal another size; what runs in it is told.
///
/// # Errors
/// [`WorkspaceError`].
pub async fn resize(
    config: &Config,
    id: Id,
    shell: Id,
    size: TerminalSize,
) -> Result<ShellInfo, WorkspaceError> {
    let running = Running::open(config, id).await?;
    running.ask_shell(shell, ShellRequest::Resize { shell, size }).await
}
