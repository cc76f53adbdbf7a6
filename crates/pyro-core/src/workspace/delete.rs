//! Deleting a workspace, whatever it is at.

use super::claim::{claim, find};
use super::error::WorkspaceError;
use super::info::WorkspaceDeleted;
use super::paths::directory;
use super::{outputs, reconcile};
use crate::config::Config;
use crate::host::fs;
use crate::id::Id;
use crate::store::workspace::WorkspaceChange;
use crate::store::{Store, StoreError};

/// Delete a workspace and everything that only it needs. Blocks until nothing of it is left.
///
/// # Errors
/// [`WorkspaceError::Changing`] when somebody else is changing it.
pub fn delete(config: &Config, id: Id) -> Result<WorkspaceDeleted, WorkspaceError> {
    let store = Store::open(&config.data_dir)?;
    let found = match find(&store, id) {
        Err(WorkspaceError::Store(StoreError::Broken { .. })) => {
            delete_broken(config, &store, id)?;
            return Ok(WorkspaceDeleted::explicit(id));
        }
        found => found?,
    };
    if found.change.is_some() && !found.is_attended() {
        // Whoever was at it may have removed it, and ended since.
        let found = find(&store, id)?;
        // It may be what somebody was about to do who died, or gave it up.
        reconcile::put_right(config, &store, &found)?;
        if store.workspace(id)?.is_none() {
            return Ok(WorkspaceDeleted::explicit(id));
        }
    }
    let workspace = claim(config, &store, id, WorkspaceChange::Deleting)?;
    reconcile::destroy(config, &store, &workspace)?;
    Ok(WorkspaceDeleted::explicit(id))
}

/// Delete a workspace whose record cannot be understood, with all that can be read of it.
fn delete_broken(config: &Config, store: &Store, id: Id) -> Result<(), WorkspaceError> {
    let Some(broken) = store.broken_workspace(id)? else {
        return Err(WorkspaceError::NoSuchWorkspace { id });
    };
    if broken.is_attended {
        return Err(WorkspaceError::Changing { id, change: WorkspaceChange::Deleting });
    }
    for vm in broken.vms {
        reconcile::remove_vm(config, store, vm)?;
    }
    fs::remove_tree(&directory(config, id))?;
    outputs::remove(config, &outputs::named(store, id));
    store.delete_workspace(id)?;
    reconcile::collect_layers(config, store)
}
