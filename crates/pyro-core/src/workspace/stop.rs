//! Stopping a workspace: its guest writes its disk back and ends; everything is kept.

use super::claim::{Claimed, claim};
use super::error::WorkspaceError;
use super::info::WorkspaceInfo;
use super::{reconcile, rest, running, status};
use crate::config::Config;
use crate::id::Id;
use crate::store::Store;
use crate::store::vm::VmState;
use crate::store::workspace::WorkspaceChange;
use crate::vm::{VmError, lifecycle};

/// Stop a workspace; one that is stopped stays so. Blocks until nothing of it runs.
///
/// # Errors
/// [`WorkspaceError::Changing`] when somebody else is at it.
pub fn stop(config: &Config, id: Id) -> Result<WorkspaceInfo, WorkspaceError> {
    let store = Store::open(&config.data_dir)?;
    reconcile::reconcile(config, &store)?;
    let workspace = claim(config, &store, id, WorkspaceChange::Stopping)?;
    let claimed = Claimed::new(config, &store, id);
    let vm = workspace.vm.map(|vm| rest::at_rest(config, &store, vm)).transpose()?.flatten();
    if let Some(vm) = vm {
        match vm.state {
            VmState::Created | VmState::Stopped => {}
            VmState::Started => {
                match lifecycle::stop::stop(config, &store, vm) {
                    // Its lifetime was over, or its guest ended, in that very moment.
                    Ok(_) | Err(VmError::WrongState { state: VmState::Stopped, .. }) => {}
                    Err(error) => return Err(error.into()),
                }
                running::was_used(&store, id);
            }
            VmState::Starting => {
                return Err(WorkspaceError::Changing { id, change: WorkspaceChange::Starting });
            }
            VmState::Stopping => {
                return Err(WorkspaceError::Changing { id, change: WorkspaceChange::Stopping });
            }
            VmState::Deleting => {
                return Err(WorkspaceError::Changing { id, change: WorkspaceChange::Deleting });
            }
        }
    }
    drop(claimed);
    status::told(config, &store, id)
}
