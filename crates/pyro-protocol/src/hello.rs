//! The greeting: how the two sides meet before the multiplexed session, at boot and after every
//! restore.

use crate::message::Mount;
use serde::{Deserialize, Serialize};

/// Host to agent: who meets whom, and the identity this vm takes from now on.
#[derive(Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct Hello {
    /// [`crate::limits::PROTOCOL_VERSION`] of the host.
    pub protocol: u32,
    /// Fresh for every meeting; a welcome with another one belongs to an earlier life of this vm.
    #[serde(with = "serde_bytes")]
    pub nonce: Vec<u8>,
    /// Bytes from the host's random generator, mixed into the guest's before anything else runs.
    #[serde(with = "serde_bytes")]
    pub entropy: Vec<u8>,
    /// The host's wall clock in nanoseconds since 1970 (UTC).
    pub wall_clock_ns: u64,
    /// Host name that the guest takes.
    pub hostname: String,
    /// `/etc/machine-id` of the guest: 32 lowercase hex digits.
    pub machine_id: String,
    /// Stands in the guest for the kernel's `boot_id`: a UUID.
    pub boot_id: String,
}

// Entropy must never reach a log.
impl std::fmt::Debug for Hello {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Hello")
            .field("protocol", &self.protocol)
            .field("hostname", &self.hostname)
            .finish_non_exhaustive()
    }
}

/// Host to agent, in place of a hello: get ready for the vms that start from a copy of this one.
/// Nothing of it is anybody's own; each copy waits for a hello as this vm does.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Prepare {
    /// The disk to mount.
    pub mount: Mount,
    /// Lines for the login shell, run once each so that the kernel holds what they read; how they
    /// end does not matter.
    pub warm: Vec<String>,
}

/// Agent to host, before the multiplexed session.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Greeting {
    /// The port is open and the agent waits for a hello; sent once a boot, so never after a
    /// restore.
    Ready(Ready),
    /// The hello was taken: random numbers, clock and names are this vm's own. The session follows
    /// at once.
    Welcome(Welcome),
    /// The hello could not be taken, or what [`Prepare`] asked for not done: its nonce is then
    /// empty. The agent waits for another one.
    Refused(Refused),
    /// What [`Prepare`] asked for is done; the agent waits for a hello.
    Prepared,
}

/// The agent waits for a hello.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Ready {
    /// [`crate::limits::PROTOCOL_VERSION`] of the agent.
    pub protocol: u32,
    /// Microseconds of the guest's monotonic clock at which the agent's own start began and ended.
    pub started_us: (u64, u64),
}

/// The answer to a hello.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Welcome {
    /// The hello's nonce.
    #[serde(with = "serde_bytes")]
    pub nonce: Vec<u8>,
    /// Version of the agent's crate.
    pub agent_version: String,
    /// `uname -r` of the guest.
    pub kernel_release: String,
}

/// Why a hello was not taken.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Refused {
    /// The hello's nonce.
    #[serde(with = "serde_bytes")]
    pub nonce: Vec<u8>,
    /// What failed, for a person.
    pub message: String,
}
