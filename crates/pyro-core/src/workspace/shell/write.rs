//! Typing into a shell.

use super::info::ShellWritten;
use crate::config::Config;
use crate::id::Id;
use crate::vm::control::shells::{MAX_INPUT_LEN, ShellRequest};
use crate::workspace::error::WorkspaceError;
use crate::workspace::running::Running;
use crate::workspace::shell_error::ShellError;

/// Type `input`, and a newline after it where that is wanted: all of it, or nothing. It returns
/// before the shell has read it.
///
/// # Errors
/// [`ShellError::InputFull`] while what was typed before is not read.
pub async fn write(
    config: &Config,
    id: Id,
    shell: Id,
    input: &str,
    append_newline: bool,
) -> Result<ShellWritten, WorkspaceError> {
    let mut typed = input.as_bytes().to_vec();
    if append_newline {
        typed.push(b'\n');
    }
    if typed.len() > MAX_INPUT_LEN {
        return Err(ShellError::LongInput(typed.len()).into());
    }
    let running = Running::open(config, id).await?;
    let shell = running.ask_shell(shell, ShellRequest::Write { shell, input: typed }).await?;
    Ok(ShellWritten { shell, input_length: input.chars().count(), append_newline })
}
