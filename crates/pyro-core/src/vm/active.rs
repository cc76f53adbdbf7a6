//! How many vms are active, by what they are kept for.

use crate::store::vm::{VmKind, VmRecord, VmState};
use crate::store::{Store, StoreError};
use serde::Serialize;

/// Vms of this user that start, run or stop, of every process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ActiveVms {
    /// For one command that somebody waits for.
    pub one_shot: usize,
    /// Waiting for a command of the server that keeps them, or running one.
    pub standby: usize,
    /// Created to stay.
    pub vm: usize,
    /// Machines of workspaces.
    pub workspace: usize,
}

impl ActiveVms {
    /// Count what the records say; what dead processes left does not count.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub(crate) fn count(store: &Store) -> Result<Self, StoreError> {
        let mut active = Self::default();
        for vm in store.vms()?.into_iter().flatten().filter(is_active) {
            match vm.kind {
                VmKind::OneShot => active.one_shot += 1,
                VmKind::Standby => active.standby += 1,
                VmKind::Vm => active.vm += 1,
                VmKind::Workspace => active.workspace += 1,
            }
        }
        Ok(active)
    }
}

fn is_active(vm: &VmRecord) -> bool {
    matches!(vm.state, VmState::Starting | VmState::Started | VmState::Stopping) && vm.is_attended()
}
