//! Bounds of a workspace: how many, how long.

use std::time::Duration;

/// Most forks that one call makes.
pub const MAX_FORKS: u32 = 32;

/// Most layers that the disk of a workspace may stand on: each fork and each snapshot adds one.
/// Each takes three of QEMU's 1024 descriptors, so that a few hundred more would fail in the middle
/// of a fork, and at last at a start.
pub(super) const MAX_LAYERS: usize = 256;

/// How long somebody else's change is waited for. A start that boots takes minutes on a busy host
/// without KVM.
pub(super) const TURN_LIMIT: Duration = Duration::from_secs(180);

/// How often a record is looked at: it is changed by other processes, and no event tells of it.
pub(super) const LOOK: Duration = Duration::from_millis(10);
