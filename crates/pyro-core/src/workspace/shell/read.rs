//! Reading what a shell has printed.

use super::info::ShellRead;
use crate::config::Config;
use crate::id::Id;
use crate::vm::VmError;
pub use crate::vm::control::shells::View;
use crate::vm::control::shells::{ReadShell, ShellReply, ShellRequest};
use crate::workspace::error::WorkspaceError;
use crate::workspace::running::Running;
use tokio_util::sync::CancellationToken;

/// What to read of a shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadShellRequest {
    /// Where to begin: 0, or what an earlier read gave as `next_cursor`. A cursor counts bytes of
    /// the output, so it is only good for that.
    pub cursor: u64,
    /// Most characters of the text; see [`super::limits::max_chars`]. What is read at once has its
    /// own limit, and `truncated` tells of it.
    pub max_chars: u32,
    /// The form of the text.
    pub view: View,
    /// Wait until the shell has printed nothing for so many milliseconds, for 30 s at most; see
    /// [`super::limits::idle_ms`].
    pub wait_for_idle_ms: Option<u32>,
}

impl Default for ReadShellRequest {
    fn default() -> Self {
        let max_chars = super::limits::DEFAULT_MAX_CHARS;
        Self { cursor: 0, max_chars, view: View::Raw, wait_for_idle_ms: None }
    }
}

/// Read a shell, also one that has ended.
///
/// # Errors
/// [`WorkspaceError`].
pub async fn read(
    config: &Config,
    id: Id,
    shell: Id,
    request: ReadShellRequest,
    cancel: &CancellationToken,
) -> Result<ShellRead, WorkspaceError> {
    let running = Running::open_until(config, id, cancel).await?;
    let ReadShellRequest { cursor, max_chars, view, wait_for_idle_ms } = request;
    let asked = ShellRequest::Read(ReadShell {
        shell,
        from: cursor,
        max_chars: max_chars.into(),
        view,
        idle_ms: wait_for_idle_ms,
    });
    let reply = tokio::select! {
        reply = async { running.client().shell(asked).await } => reply?,
        () = cancel.cancelled() => return Err(VmError::Cancelled.into()),
    };
    let read = match reply {
        ShellReply::Read(read) => *read,
        reply => return Err(running.refused(shell, 0, reply)),
    };
    running.was_used();
    Ok(ShellRead {
        shell: running.shell_info(read.shell),
        cursor: read.from,
        next_cursor: read.next,
        output: read.text,
        truncated: read.truncated,
        missed_bytes: read.missed,
        plain: view == View::Plain,
        screen: read.screen.map(Into::into),
        wait_for_idle_ms,
    })
}
