//! `Stopped`: a workspace whose disk nobody writes to, and whether that stayed so.
//!
//! Reading a disk takes no claim: others may read it as well, and a start is not kept waiting. What
//! was read of a disk that was started meanwhile is thrown away.

use super::claim::find;
use super::error::WorkspaceError;
use super::{reconcile, rest};
use crate::config::Config;
use crate::id::Id;
use crate::store::Store;
use crate::store::vm::VmState;
use crate::store::workspace::{WorkspaceChange, WorkspaceRecord};
use crate::vm::blocking;

/// A workspace that was stopped when it was looked at.
pub(super) struct Stopped {
    /// Its record.
    pub(super) workspace: WorkspaceRecord,
    /// Its vm at that time, by its id and how often it had changed.
    vm: Option<(Id, i64)>,
}

impl Stopped {
    /// Look.
    ///
    /// # Errors
    /// [`WorkspaceError::NotStopped`], [`WorkspaceError::Changing`],
    /// [`WorkspaceError::NoSuchWorkspace`].
    pub(super) async fn find(config: &Config, id: Id) -> Result<Self, WorkspaceError> {
        let config = config.clone();
        blocking(move || Ok(look(&config, id))).await?
    }

    /// See that it was not started since.
    ///
    /// # Errors
    /// [`WorkspaceError::NotStopped`].
    pub(super) fn check(&self, store: &Store) -> Result<(), WorkspaceError> {
        let id = self.workspace.id;
        let vm = find(store, id)?.vm.map(|vm| store.vm(vm)).transpose()?.flatten();
        match vm.map(|vm| (vm.id, vm.revision)) == self.vm {
            true => Ok(()),
            false => Err(WorkspaceError::NotStopped { id }),
        }
    }
}

fn look(config: &Config, id: Id) -> Result<Stopped, WorkspaceError> {
    let store = Store::open(&config.data_dir)?;
    reconcile::reconcile(config, &store)?;
    let workspace = find(&store, id)?;
    if let Some(change) = workspace.change
        && workspace.is_attended()
        && change != WorkspaceChange::Snapshotting
    {
        return Err(WorkspaceError::Changing { id, change });
    }
    let vm = workspace.vm.map(|vm| rest::at_rest(config, &store, vm)).transpose()?.flatten();
    let changing = |change| Err(WorkspaceError::Changing { id, change });
    match vm.as_ref().map_or(VmState::Stopped, |vm| vm.state) {
        VmState::Created | VmState::Stopped => {}
        VmState::Started | VmState::Starting => return Err(WorkspaceError::NotStopped { id }),
        VmState::Stopping => return changing(WorkspaceChange::Stopping),
        VmState::Deleting => return changing(WorkspaceChange::Deleting),
    }
    Ok(Stopped { workspace, vm: vm.map(|vm| (vm.id, vm.revision)) })
}
