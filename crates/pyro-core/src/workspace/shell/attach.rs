//! A terminal of the host attached to a shell.

use super::info::ShellInfo;
use crate::config::Config;
use crate::id::Id;
use crate::vm::VmError;
use crate::vm::control::shell_client::{Attached, Printed, Shown};
use crate::vm::control::shells::ShellState;
use crate::vm::io::Terminal;
use crate::workspace::error::WorkspaceError;
use crate::workspace::running::Running;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_util::sync::CancellationToken;

/// Bytes that are typed at once.
const TYPED_LEN: usize = 16 * 1024;

/// Why a terminal is no longer attached.
#[derive(Clone, Debug, PartialEq)]
pub enum AttachEnd {
    /// The input has ended; the shell goes on.
    Detached,
    /// The shell has ended.
    Ended(ShellInfo),
}

/// Use a shell from `terminal` until its input ends or the shell does. The shell takes the size of
/// the terminal, and its screen is shown first. Other terminals may be attached as well.
///
/// # Errors
/// [`WorkspaceError`]; [`VmError::Output`] when the terminal cannot be written to.
pub async fn attach(
    config: &Config,
    id: Id,
    shell: Id,
    terminal: Terminal,
    cancel: &CancellationToken,
) -> Result<AttachEnd, WorkspaceError> {
    let running = Running::open_until(config, id, cancel).await?;
    let Terminal { mut input, mut output, mut sizes } = terminal;
    let size = *sizes.borrow_and_update();
    let attached = running.client().attach(shell, size).await?;
    let Attached { printed, mut typing } =
        attached.map_err(|reply| running.refused(shell, 0, reply))?;
    let mut typed = vec![0; TYPED_LEN];
    let type_on = async {
        loop {
            tokio::select! {
                Ok(()) = sizes.changed() => {
                    let size = *sizes.borrow_and_update();
                    typing.resize(size).await?;
                }
                len = read_some(&mut *input, &mut typed) => match len {
                    0 => return Ok::<_, VmError>(()),
                    len => typing.input(&typed[..len]).await?,
                },
            }
        }
    };
    let end = tokio::select! {
        biased;
        ended = show(printed, &mut *output) => {
            AttachEnd::Ended(running.shell_info(ended?))
        }
        detached = type_on => {
            detached?;
            AttachEnd::Detached
        }
        () = cancel.cancelled() => return Err(VmError::Cancelled.into()),
    };
    running.was_used();
    Ok(end)
}

/// The next bytes that are typed; none when the input has ended, or cannot be read.
async fn read_some(input: &mut (dyn AsyncRead + Unpin + Send), typed: &mut [u8]) -> usize {
    input.read(typed).await.unwrap_or(0)
}

/// Show what a shell prints until it has ended.
async fn show(
    mut printed: Printed,
    output: &mut (dyn AsyncWrite + Unpin + Send),
) -> Result<ShellState, VmError> {
    loop {
        match printed.next().await? {
            Shown::Bytes(bytes) => {
                output.write_all(&bytes).await.map_err(VmError::Output)?;
                output.flush().await.map_err(VmError::Output)?;
            }
            Shown::Ended(state) => return Ok(state),
        }
    }
}
