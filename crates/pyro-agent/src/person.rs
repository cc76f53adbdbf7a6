//! Whom a command runs as.

use pyro_protocol::GuestPath;

/// The shell of a user that has none that can run a line.
pub(crate) const SH: &str = "/bin/sh";

/// Whom a command runs as, in the kernel's terms and for its environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Credentials {
    /// Its user.
    pub(crate) uid: u32,
    /// Its group.
    pub(crate) gid: u32,
    /// All groups that it is in, `gid` among them.
    pub(crate) groups: Vec<u32>,
    /// The user's name, or its number where it has none.
    pub(crate) name: Vec<u8>,
    /// Its home; `/` where it has none.
    pub(crate) home: GuestPath,
}

/// Whom a command runs as, and with which shell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Person {
    /// Whom to become; none: whoever the agent is.
    pub(crate) credentials: Option<Credentials>,
    /// The login shell; none where the host's own list would have to be asked.
    pub(crate) shell: Option<Vec<u8>>,
}
