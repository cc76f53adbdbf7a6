//! Looking at one workspace.

use super::claim::find;
use super::error::WorkspaceError;
use super::info::WorkspaceInfo;
use super::{reconcile, secrets};
use crate::config::Config;
use crate::id::Id;
use crate::store::Store;

/// What a workspace is at, after what dead processes left was put right. Blocks while processes
/// end.
///
/// # Errors
/// [`WorkspaceError::NoSuchWorkspace`].
pub fn status(config: &Config, id: Id) -> Result<WorkspaceInfo, WorkspaceError> {
    let store = Store::open(&config.data_dir)?;
    find(&store, id)?;
    reconcile::reconcile(config, &store)?;
    told(config, &store, id)
}

/// Whether a workspace has no guest; one that has no layer may come to be without.
///
/// # Errors
/// When the records cannot be read.
pub fn is_on_host(config: &Config, id: Id) -> Result<bool, WorkspaceError> {
    let store = Store::open(&config.data_dir)?;
    let Some(workspace) = store.workspace(id)? else { return Ok(false) };
    let top = workspace.top_layer.map(|top| store.layer(top)).transpose()?.flatten();
    Ok(top.map_or(workspace.allow_host_compat, |layer| layer.backing.is_host_tree()))
}

/// What its records say of a workspace.
///
/// # Errors
/// [`WorkspaceError::NoSuchWorkspace`].
pub(super) fn told(
    config: &Config,
    store: &Store,
    id: Id,
) -> Result<WorkspaceInfo, WorkspaceError> {
    let workspace = find(store, id)?;
    let vm = match workspace.vm.or(workspace.next_vm) {
        Some(vm) => store.vm(vm)?,
        None => None,
    };
    let last = store.last_command(id)?;
    let (services, secrets) = (store.service_counts(id)?, secrets::told(config, id)?);
    Ok(WorkspaceInfo::of(workspace, vm.as_ref(), last, secrets, services))
}
