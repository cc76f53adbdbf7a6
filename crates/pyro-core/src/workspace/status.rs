//! Looking at one workspace.

use super::claim::find;
use super::error::WorkspaceError;
use super::info::WorkspaceInfo;
use super::reconcile;
use crate::config::Config;
use crate::id::Id;
use crate::store::Store;

/// What a workspace is at, after what dead processes left was put right. Blocks while processes end.
///
/// # Errors
/// [`WorkspaceError::NoSuchWorkspace`].
pub fn status(config: &Config, id: Id) -> Result<WorkspaceInfo, WorkspaceError> {
    let store = Store::open(&config.data_dir)?;
    find(&store, id)?;
    reconcile::reconcile(config, &store)?;
    told(&store, id)
}

/// What its records say of a workspace.
///
/// # Errors
/// [`WorkspaceError::NoSuchWorkspace`].
pub(super) fn told(store: &Store, id: Id) -> Result<WorkspaceInfo, WorkspaceError> {
    let workspace = find(store, id)?;
    let vm = match workspace.vm.or(workspace.next_vm) {
        Some(vm) => store.vm(vm)?,
        None => None,
    };
    let last = store.last_command(id)?;
    Ok(WorkspaceInfo::of(workspace, vm.as_ref(), last))
}
