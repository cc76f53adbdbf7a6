//! Requests and replies: the few nouns that the agent knows.

use crate::files;
use crate::path::GuestPath;
use crate::user::User;
use crate::variable::Variable;
use core::net::IpAddr;
use serde::{Deserialize, Serialize};

/// First frame of a stream, host to agent: what is wanted.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// Answer [`Reply::Done`].
    Ping,
    /// Mount the environment's disk and build the world that commands run in.
    Mount(Mount),
    /// Run a command. Frames follow: [`crate::FrameKind::Input`] and `InputEnd` from the host when
    /// `stdin` is set; [`Reply::Started`], `Stdout`, `Stderr` and finally [`Reply::Exited`] from
    /// the agent. When the stream is reset or closed by the host before that, the agent kills the
    /// command's whole tree.
    Exec(Exec),
    /// Send a signal to a running command; [`Reply::Done`].
    Signal(Signal),
    /// Give a running command's terminal another size; [`Reply::Done`].
    Resize(Resize),
    /// Take a running command's terminal away; [`Reply::Done`].
    HangUp(HangUp),
    /// Set the guest's wall clock; [`Reply::Done`]. The host measures the round trip and asks again
    /// when it was long: the clock is then behind by no more than that.
    SetClock(SetClock),
    /// Flush the disk and power the guest off; [`Reply::Done`] when flushed.
    PowerOff,
    /// List a tree.
    List(files::List),
    /// Digests of files.
    Digest(files::Digest),
    /// Read a file.
    Read(files::Read),
    /// Write a file.
    Write(files::Write),
    /// Make a directory.
    Mkdir(files::Mkdir),
    /// Send a tree.
    Pack(files::Pack),
    /// Make a tree.
    Unpack(files::Unpack),
    /// Put a plan in force.
    Commit(files::Commit),
    /// Mend what a crash interrupted.
    Recover(files::Recover),
    /// Make all that was written to the disk durable; [`Reply::Done`].
    Sync,
    /// Hold writes to the disk.
    Freeze(files::Freeze),
    /// Keep a stage for as long as its host lives.
    Hold(files::Hold),
    /// Tell what commands left in the background have printed: one [`Reply::Background`] for each,
    /// then [`Reply::Done`].
    Background,
    /// Open a TCP connection from within the guest, say something on it and take the beginning of
    /// what is answered; [`Reply::Dialled`].
    Dial(Dial),
}

/// Which disk to mount.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Mount {
    /// Block device, such as `/dev/vda`.
    pub device: String,
    /// Its filesystem, such as `ext4`.
    pub fstype: String,
}

/// The time.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct SetClock {
    /// The host's wall clock in nanoseconds since 1970 (UTC).
    pub wall_clock_ns: u64,
}

/// A command to run.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Exec {
    /// Chosen by the host, unique while the command runs; [`Signal`] names it.
    pub id: u64,
    /// What to execute.
    pub command: Command,
    /// Working directory; it must exist.
    pub cwd: GuestPath,
    /// Variables set over the guest's defaults, as `NAME`, value.
    pub env: Vec<Variable>,
    /// Whether stdin is a pipe fed by the host; `/dev/null` otherwise.
    pub stdin: bool,
    /// Make the disk durable after the command has ended and before [`Reply::Exited`] is sent; not
    /// part of its duration.
    #[serde(default)]
    pub sync: bool,
    /// Whom it runs as; root where none is given.
    #[serde(default)]
    pub user: Option<User>,
    /// Which shell runs a [`Command::Shell`].
    #[serde(default)]
    pub shell: Shell,
    /// Number that the host knows the command by, for [`Background::sequence`]; 0 where it has
    /// none.
    #[serde(default)]
    pub sequence: u64,
    /// The terminal that it has as its stdin, stdout and stderr, and that controls it; `Input`
    /// frames are then what is typed, and all output comes as `Stdout`. Pipes where there is none.
    #[serde(default)]
    pub terminal: Option<TerminalSize>,
    /// It counts as running as long as any process of its tree does, and [`Reply::Exited`] comes
    /// after the last one with the status of the first. A tree whose first process fails, other
    /// than after a signal for the whole tree, is killed.
    #[serde(default)]
    pub until_tree_ends: bool,
}

/// Size of a terminal.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct TerminalSize {
    /// Characters in a line, at least 1.
    pub cols: u16,
    /// Lines, at least 1.
    pub rows: u16,
}

/// Which shell runs a line; each is started as a login shell.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Shell {
    /// The one that `/etc/passwd` names for the user; `/bin/sh` where that cannot run a line.
    #[default]
    Login,
    /// `/bin/bash`.
    Bash,
    /// `/bin/sh`.
    Sh,
}

/// What to execute.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// A line for a login shell: `SHELL -lc -- LINE`, with the shell that [`Exec::shell`] says.
    Shell(String),
    /// A program, found on `PATH`, with its arguments.
    Program(Vec<String>),
}

/// A signal for a running command.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Signal {
    /// [`Exec::id`].
    pub exec: u64,
    /// Linux signal number.
    pub signal: i32,
    /// Every process that the command started, wherever it moved; otherwise the command's process
    /// group.
    pub tree: bool,
    /// The process group in the foreground of the command's terminal, instead of either.
    #[serde(default)]
    pub foreground: bool,
}

/// Another size for the terminal of a running command.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Resize {
    /// [`Exec::id`].
    pub exec: u64,
    /// The size.
    pub size: TerminalSize,
}

/// The end of a command's terminal: every process that the command started is sent SIGHUP, and what
/// it has left running when it ends is killed.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct HangUp {
    /// [`Exec::id`].
    pub exec: u64,
}

/// A TCP connection from within the guest.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Dial {
    /// Where to: the first of them that takes a connection.
    pub addresses: Vec<IpAddr>,
    /// The port there.
    pub port: u16,
    /// What to say.
    #[serde(with = "serde_bytes")]
    pub say: Vec<u8>,
    /// Bytes to wait for, at most [`crate::limits::MAX_DIALLED_LEN`]; fewer come where the other
    /// side says no more.
    pub take: u32,
    /// How long all of it may take, in milliseconds.
    pub limit_ms: u32,
}

/// Message frame of an operation, agent to host.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// The operation is complete.
    Done,
    /// The command runs.
    Started(Started),
    /// The command ended; the last frame of an exec.
    Exited(Exited),
    /// The operation failed; the last frame.
    Failed(Failure),
    /// The listing is complete; the last frame.
    Listed(files::Listed),
    /// The recovery is complete; the last frame.
    Recovered(files::Recovered),
    /// The disk is frozen.
    Frozen,
    /// What one command left in the background has printed.
    Background(Background),
    /// What was answered on a connection.
    Dialled(Dialled),
}

/// The beginning of what was answered on a connection.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Dialled {
    /// It.
    #[serde(with = "serde_bytes")]
    pub said: Vec<u8>,
}

/// What a command left in the background has printed since the command ended.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Background {
    /// [`Exec::sequence`] of the command.
    pub sequence: u64,
    /// The command's line, or its program and arguments; at most
    /// [`crate::limits::MAX_BACKGROUND_COMMAND_LEN`] bytes of it.
    pub command: String,
    /// The command's process id.
    pub pid: u32,
    /// Whether a process still holds the command's stdout or stderr.
    pub running: bool,
    /// Bytes that came in all.
    pub bytes: u64,
    /// The last of them, at most [`crate::limits::MAX_BACKGROUND_TAIL_LEN`].
    #[serde(with = "serde_bytes")]
    pub tail: Vec<u8>,
}

/// A command runs.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Started {
    /// Its process id as seen by the guest's commands.
    pub pid: u32,
}

/// How a command ended.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Exited {
    /// Its status.
    pub status: ExitStatus,
    /// Microseconds from before the spawn to the reaped exit, by the guest's monotonic clock.
    pub duration_us: u64,
    /// Whom the kernel killed meanwhile because the guest's memory was full.
    #[serde(default)]
    pub out_of_memory: Option<OutOfMemory>,
}

/// Processes that the kernel killed because memory was full.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct OutOfMemory {
    /// How many.
    pub killed: u64,
    /// Name of the last one, as the kernel has it (15 bytes).
    pub name: String,
}

/// Exit status of a process.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum ExitStatus {
    /// It exited with this code (0 to 255).
    Code(i32),
    /// This signal ended it.
    Signal(i32),
}

/// Why an operation failed.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Failure {
    /// What to branch on.
    pub kind: FailureKind,
    /// For a person; the host cleans it before it is shown.
    pub message: String,
}

/// What to branch on when an operation failed.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The request is not valid in itself.
    InvalidInput,
    /// The thing named does not exist (a command's program or directory, a running exec).
    NotFound,
    /// It exists but may not be used so (a program that is not executable).
    Denied,
    /// The agent is not in a state for this (an exec before the mount).
    WrongState,
    /// A limit of the agent is reached.
    Busy,
    /// A system call failed.
    Io,
    /// Something exists that must not.
    Exists,
    /// What is there is not what was expected; nothing was changed.
    Conflict,
    /// The disk is full.
    Full,
    /// This agent or this kind of file cannot do it.
    Unsupported,
    /// The user that a command is to run as is unknown, or the guest's lists of users and groups
    /// cannot be read.
    UnknownUser,
    /// The working directory of a command cannot be entered.
    Directory,
    /// A kind that this version does not know, from a newer peer; never sent. Keep it the last one.
    #[serde(other)]
    Unknown,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{FrameDecoder, encode_message};

    #[test]
    fn a_failure_of_a_kind_that_is_not_known_yet_is_read() {
        #[derive(Serialize)]
        struct Newer {
            kind: &'static str,
            message: &'static str,
        }
        for (kind, expected) in
            [("directory", FailureKind::Directory), ("of_next_year", FailureKind::Unknown)]
        {
            let mut decoder = FrameDecoder::default();
            decoder.push(&encode_message(&Newer { kind, message: "why" }).unwrap());
            let failure: Failure = decoder.next_frame().unwrap().unwrap().message().unwrap();
            assert_eq!(failure, Failure { kind: expected, message: "why".to_owned() });
        }
    }

    #[test]
    fn a_command_of_a_host_that_knows_no_users_is_roots() {
        #[derive(Serialize)]
        struct Older {
            id: u64,
            command: Command,
            cwd: GuestPath,
            env: Vec<(String, String)>,
            stdin: bool,
        }
        let command = Command::Shell("true".to_owned());
        let older = Older {
            id: 1,
            command: command.clone(),
            cwd: GuestPath::root(),
            env: Vec::new(),
            stdin: true,
        };
        let mut decoder = FrameDecoder::default();
        decoder.push(&encode_message(&older).unwrap());
        let exec: Exec = decoder.next_frame().unwrap().unwrap().message().unwrap();
        let expected = Exec {
            id: 1,
            command,
            cwd: GuestPath::root(),
            env: Vec::new(),
            stdin: true,
            sync: false,
            user: None,
            shell: Shell::Login,
            sequence: 0,
            terminal: None,
            until_tree_ends: false,
        };
        assert_eq!(exec, expected);
    }
}
