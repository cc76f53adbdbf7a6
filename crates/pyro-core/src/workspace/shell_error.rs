//! What can go wrong with a workspace's shells.

use crate::id::Id;
use crate::vm::control::shells::{MAX_INPUT_LEN, MAX_SHELLS};

/// A failure of an operation on a shell.
#[derive(Debug, thiserror::Error)]
pub enum ShellError {
    /// There is no shell of this id, or no more.
    #[error(
        "workspace {id} has no shell {shell}; shells end when their workspace is stopped, reset or deleted"
    )]
    NoSuchShell {
        /// The workspace.
        id: Id,
        /// The shell.
        shell: Id,
    },
    /// It has ended.
    #[error("shell {shell} of workspace {id} has ended{}", with(*exit_code))]
    Ended {
        /// The workspace.
        id: Id,
        /// The shell.
        shell: Id,
        /// How, as in a shell's result.
        exit_code: Option<i32>,
    },
    /// As many run as may.
    #[error("workspace {id} runs {MAX_SHELLS} shells, as many as it may")]
    TooMany {
        /// The workspace.
        id: Id,
    },
    /// What was typed before still waits for the program to read it.
    #[error("shell {shell} has not read its input: {room} more bytes fit, and {len} were given")]
    InputFull {
        /// The shell.
        shell: Id,
        /// Bytes that fit.
        room: usize,
        /// Bytes that were given.
        len: usize,
    },
    /// More input than is taken at once.
    #[error("the input has {0} bytes; a shell takes {MAX_INPUT_LEN} at once")]
    LongInput(usize),
    /// Nothing runs in its foreground.
    #[error("nothing runs in the foreground of shell {shell}")]
    NoForeground {
        /// The workspace.
        id: Id,
        /// The shell.
        shell: Id,
    },
    /// A name of no signal that a shell is sent.
    #[error("{0:?} is no signal for a shell: it is HUP, INT, TERM or KILL")]
    Signal(String),
}

fn with(exit_code: Option<i32>) -> String {
    match exit_code {
        Some(code) if code < 0 => format!(", by signal {}", -i64::from(code)),
        Some(code) => format!(", with exit code {code}"),
        None => String::new(),
    }
}
