//! Where commands run.

use crate::failure::failure;
use crate::world::{Waiting, World};
use pyro_protocol::message::{Failure, FailureKind};
use std::os::fd::OwnedFd;

/// In a guest, from its boot to its end, or beside the agent.
pub(crate) enum Place {
    /// In a guest whose disk is not mounted yet; with a world that waits for it, unless a mount has
    /// failed.
    Unmounted(Option<Waiting>),
    /// In a guest, on its disk.
    Mounted(World),
    /// In a guest whose disk is being mounted.
    Mounting,
    /// Nowhere: the guest's world has ended.
    Gone,
    /// Beside the agent, as the same user.
    Host {
        /// The directory that is `/` to operations on files; the host's own where there is none.
        /// Commands see the host's.
        root: Option<OwnedFd>,
    },
}

impl Place {
    /// Whether the agent is PID 1 of a guest.
    pub(crate) fn is_guest(&self) -> bool {
        !matches!(self, Self::Host { .. })
    }

    /// A failure unless commands can run.
    pub(crate) fn check_ready(&self) -> Result<(), Failure> {
        let why = match self {
            Self::Mounted(_) | Self::Host { .. } => return Ok(()),
            Self::Unmounted(_) | Self::Mounting => "no disk is mounted yet",
            Self::Gone => "the guest's init process has ended",
        };
        Err(failure(FailureKind::WrongState, why))
    }
}
