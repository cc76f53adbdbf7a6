//! What others ask the supervisor of a vm about its shells, and what it answers.

use crate::id::Id;
use crate::timestamp::Timestamp;
use pyro_protocol::message::{Failure, TerminalSize};
use pyro_protocol::variable::Variable;
use pyro_protocol::{GuestPath, User};
use serde::{Deserialize, Serialize};

/// Shells that one vm has at once, those included that have ended and were not closed.
pub const MAX_SHELLS: usize = 64;

/// Bytes of input that wait for a shell's terminal to take them.
pub const MAX_INPUT_LEN: usize = 256 * 1024;

/// What is wanted of a vm's shells.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum ShellRequest {
    /// Open one; [`ShellReply::Shell`].
    Open(Box<OpenShell>),
    /// All that there are, oldest first; [`ShellReply::Shells`].
    List,
    /// Read what one has printed; [`ShellReply::Read`].
    Read(ReadShell),
    /// Type into one, all of it or nothing; [`ShellReply::Shell`].
    Write {
        /// Which.
        shell: Id,
        /// What to type.
        #[serde(with = "serde_bytes")]
        input: Vec<u8>,
    },
    /// Signal the job in the foreground of one; [`ShellReply::Shell`].
    Signal {
        /// Which.
        shell: Id,
        /// Linux signal number.
        signal: i32,
    },
    /// Give one's terminal another size; [`ShellReply::Shell`].
    Resize {
        /// Which.
        shell: Id,
        /// The size.
        size: TerminalSize,
    },
    /// End one, with all that it has started, and forget it; [`ShellReply::Shell`].
    Close {
        /// Which.
        shell: Id,
    },
    /// Use one from a terminal of this size. After [`ShellReply::Shell`] data frames are what it
    /// prints, beginning with its screen, and what is typed; [`AttachWord`] may come among these.
    /// The last is [`ShellReply::Shell`] once more, when it has ended. Closing the connection
    /// detaches.
    Attach {
        /// Which.
        shell: Id,
        /// The size that it is given.
        size: TerminalSize,
    },
}

/// A shell to open.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OpenShell {
    /// Where it begins; it must exist.
    pub cwd: GuestPath,
    /// What that is called; on the host the workspace's directory has another name.
    pub shown_cwd: String,
    /// Variables over the guest's defaults.
    pub env: Vec<Variable>,
    /// Whom it runs as; root where none is given.
    pub user: Option<User>,
    /// Size of its terminal.
    pub size: TerminalSize,
    /// Values that nobody is to see in its output, by name.
    #[serde(default)]
    pub secrets: Vec<Variable>,
}

/// What to read of a shell.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReadShell {
    /// Which.
    pub shell: Id,
    /// Bytes of its output before that which is wanted.
    pub from: u64,
    /// Most characters that are wanted.
    pub max_chars: u64,
    /// In what form.
    pub view: View,
    /// Wait until it has printed nothing for so many milliseconds.
    pub idle_ms: Option<u32>,
}

/// The form of what a shell has printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum View {
    /// As it came.
    Raw,
    /// As a person has read it.
    Plain,
    /// The screen as it stands.
    Screen,
}

/// From whoever has attached.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub enum AttachWord {
    /// The size of the terminal is another now.
    Resize(TerminalSize),
}

/// An answer about shells.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum ShellReply {
    /// A shell as it is now.
    Shell(ShellState),
    /// Several.
    Shells(Vec<ShellState>),
    /// What was read.
    Read(Box<ShellOutput>),
    /// It was not done.
    Refused(ShellRefusal),
}

/// A shell as it is at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShellState {
    /// Its id.
    pub id: Id,
    /// Where it began.
    pub cwd: String,
    /// Whom it runs as, where that was chosen.
    pub user: Option<String>,
    /// Size of its terminal.
    pub size: TerminalSize,
    /// When it was opened.
    pub started_at: Timestamp,
    /// When it ended, if it has.
    pub ended_at: Option<Timestamp>,
    /// How it ended: its status, or a signal as a negative number.
    pub exit_code: Option<i32>,
    /// Bytes that it has printed so far.
    pub printed: u64,
}

/// What was read of a shell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShellOutput {
    /// The shell.
    pub shell: ShellState,
    /// The text.
    pub text: String,
    /// Where it begins, in bytes of the output.
    pub from: u64,
    /// Where the next read goes on.
    pub next: u64,
    /// Bytes that were wanted and are lost.
    pub missed: u64,
    /// Whether more is there.
    pub truncated: bool,
    /// Of the screen as it stands: where its cursor is.
    pub screen: Option<ScreenState>,
}

/// The cursor of a screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScreenState {
    /// Its line, from 0.
    pub cursor_row: u16,
    /// Its column, from 0.
    pub cursor_col: u16,
    /// Whether it is shown.
    pub cursor_visible: bool,
    /// Whether a program shows the alternate screen.
    pub alternate: bool,
}

/// Why nothing was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ShellRefusal {
    /// There is no such shell.
    Unknown,
    /// It has ended.
    Ended {
        /// How.
        exit_code: Option<i32>,
    },
    /// As many run as may.
    TooMany,
    /// What was typed before still waits, and this does not fit.
    InputFull {
        /// Bytes that fit.
        room: usize,
    },
    /// Nothing runs in its foreground.
    NoForeground,
    /// The guest could not do it.
    Guest(Failure),
    /// The guest is gone.
    Gone,
}
