//! What a command is and how it is to run, for the guest.

use pyro_protocol::message::{Command, Shell};
use pyro_protocol::variable::Variable;
use pyro_protocol::{GuestPath, User};
use std::time::Duration;

/// A command to run.
#[derive(Clone, Debug)]
pub struct ExecRequest {
    /// What to execute.
    pub command: Command,
    /// Working directory.
    pub cwd: GuestPath,
    /// Variables over the guest's defaults.
    pub env: Vec<Variable>,
    /// Whom it runs as; root where none is given.
    pub user: Option<User>,
    /// Which shell runs a line.
    pub shell: Shell,
    /// Number by which the guest tells of what it leaves in the background; 0 for none.
    pub sequence: u64,
    /// How long it may run.
    pub timeout: Duration,
    /// Whether what it has written is to be on the disk before its end is told.
    pub sync: bool,
    /// Whether it runs in a guest of its own and not on the host.
    pub in_guest: bool,
}

impl ExecRequest {
    /// A command of root's in `/`, with the guest's own variables, that need not be on the disk.
    #[must_use]
    pub fn new(command: Command, timeout: Duration) -> Self {
        Self {
            command,
            cwd: GuestPath::root(),
            env: Vec::new(),
            user: None,
            shell: Shell::Login,
            sequence: 0,
            timeout,
            sync: false,
            in_guest: false,
        }
    }
}
