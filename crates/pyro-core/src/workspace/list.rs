//! All workspaces in short.

use super::error::WorkspaceError;
use super::info::{WorkspaceList, WorkspaceSummary};
use super::reconcile;
use crate::config::Config;
use crate::host::terminal::printable;
use crate::store::Store;

/// Every workspace, the one with the newest activity first. Blocks while processes end.
///
/// # Errors
/// When the records cannot be read.
pub fn list(config: &Config) -> Result<WorkspaceList, WorkspaceError> {
    let store = Store::open(&config.data_dir)?;
    reconcile::reconcile(config, &store)?;
    let mut workspaces = Vec::new();
    let mut broken = Vec::new();
    for workspace in store.workspaces()? {
        let workspace = match workspace {
            Ok(workspace) => workspace,
            Err(record) => {
                broken.push(printable(record.id.as_bytes()));
                continue;
            }
        };
        let vm = match workspace.vm.or(workspace.next_vm) {
            Some(vm) => store.vm(vm)?,
            None => None,
        };
        let services = store.service_counts(workspace.id)?;
        workspaces.push(WorkspaceSummary::of(workspace, vm.as_ref(), services));
    }
    Ok(WorkspaceList { count: workspaces.len(), workspaces, broken })
}
