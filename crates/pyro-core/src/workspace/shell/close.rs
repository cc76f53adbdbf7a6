//! The end of a shell.

use super::info::ShellClosed;
use crate::config::Config;
use crate::id::Id;
use crate::vm::control::shells::ShellRequest;
use crate::workspace::error::WorkspaceError;
use crate::workspace::running::Running;

/// End a shell with all that was started in it, and forget it: its terminal is hung up, and what
/// has not ended after 5 s is killed.
///
/// # Errors
/// [`WorkspaceError`].
pub async fn close(config: &Config, id: Id, shell: Id) -> Result<ShellClosed, WorkspaceError> {
    let running = Running::open(config, id).await?;
    let shell = running.ask_shell(shell, ShellRequest::Close { shell }).await?;
    Ok(ShellClosed { shell, closed: true })
}
