//! Shells as their users are told of them. The names are those of the contract; `user`, `screen`
//! and `missed_bytes` are ours.

use crate::execution_mode::ExecutionMode;
use crate::id::Id;
use crate::timestamp::Timestamp;
use crate::vm::control::shells::{ScreenState, ShellState};
use serde::Serialize;

/// A shell as it is now.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ShellInfo {
    /// The workspace.
    pub workspace_id: Id,
    /// The shell.
    pub shell_id: Id,
    /// Directory that it began in.
    pub cwd: String,
    /// Whom it runs as, where that was chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Columns of its terminal.
    pub cols: u16,
    /// Rows of its terminal.
    pub rows: u16,
    /// `running` or `stopped`.
    pub state: &'static str,
    /// When it was opened.
    pub started_at: Timestamp,
    /// When it ended, if it has.
    pub ended_at: Option<Timestamp>,
    /// How it ended: its exit code, or the number of a signal as a negative one.
    pub exit_code: Option<i32>,
    /// What executes it.
    pub execution_mode: ExecutionMode,
}

impl ShellInfo {
    pub(super) fn of(workspace_id: Id, mode: ExecutionMode, shell: ShellState) -> Self {
        Self {
            workspace_id,
            shell_id: shell.id,
            cwd: shell.cwd,
            user: shell.user,
            cols: shell.size.cols,
            rows: shell.size.rows,
            state: if shell.ended_at.is_some() { "stopped" } else { "running" },
            started_at: shell.started_at,
            ended_at: shell.ended_at,
            exit_code: shell.exit_code,
            execution_mode: mode,
        }
    }

    /// Its exit status as a shell has it: 128+n for signal n; 125, pyro's own, where nobody knows.
    #[must_use]
    pub fn status(&self) -> i32 {
        match self.exit_code {
            Some(code) if code < 0 => 128_i32.saturating_sub(code),
            Some(code) => code,
            None => 125,
        }
    }
}

/// What was read of a shell.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ShellRead {
    /// The shell.
    #[serde(flatten)]
    pub shell: ShellInfo,
    /// Where the text begins: bytes of the output before it.
    pub cursor: u64,
    /// Where the next read goes on.
    pub next_cursor: u64,
    /// The text.
    pub output: String,
    /// Whether more is there.
    pub truncated: bool,
    /// Bytes between the cursor that was asked for and `cursor`: they made room for newer ones.
    pub missed_bytes: u64,
    /// Whether the text is as a person has read it.
    pub plain: bool,
    /// Where the cursor is on the screen, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub screen: Option<ScreenInfo>,
    /// How long the shell was to be quiet, as was asked for.
    pub wait_for_idle_ms: Option<u32>,
}

/// The cursor of a screen; rows and columns count from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ScreenInfo {
    /// Its row.
    pub cursor_row: u16,
    /// Its column.
    pub cursor_col: u16,
    /// Whether it is shown.
    pub cursor_visible: bool,
    /// Whether a program such as an editor shows the alternate screen.
    pub alternate: bool,
}

impl From<ScreenState> for ScreenInfo {
    fn from(screen: ScreenState) -> Self {
        let ScreenState { cursor_row, cursor_col, cursor_visible, alternate } = screen;
        Self { cursor_row, cursor_col, cursor_visible, alternate }
    }
}

/// A shell that was typed into.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ShellWritten {
    /// The shell.
    #[serde(flatten)]
    pub shell: ShellInfo,
    /// Characters that were given, the newline not counted.
    pub input_length: usize,
    /// Whether a newline was typed after them.
    pub append_newline: bool,
}

/// A shell whose foreground was signalled.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ShellSignalled {
    /// The shell.
    #[serde(flatten)]
    pub shell: ShellInfo,
    /// Name of the signal.
    pub signal: &'static str,
}

/// A shell that is gone.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ShellClosed {
    /// The shell as it was.
    #[serde(flatten)]
    pub shell: ShellInfo,
    /// True.
    pub closed: bool,
}

/// All shells of a workspace.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ShellList {
    /// The workspace.
    pub workspace_id: Id,
    /// How many there are.
    pub count: usize,
    /// Them, oldest first; those that have ended and were not closed are among them.
    pub shells: Vec<ShellInfo>,
}
