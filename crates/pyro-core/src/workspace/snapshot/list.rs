//! Listing the snapshots of a workspace.

use super::info::{SnapshotInfo, SnapshotList};
use crate::config::Config;
use crate::id::Id;
use crate::store::Store;
use crate::workspace::claim::find;
use crate::workspace::error::WorkspaceError;

/// The snapshots of a workspace: its baseline, then the others, the newest first.
///
/// # Errors
/// [`WorkspaceError::NoSuchWorkspace`].
pub fn list(config: &Config, id: Id) -> Result<SnapshotList, WorkspaceError> {
    let store = Store::open(&config.data_dir)?;
    let workspace = find(&store, id)?;
    let named = store.snapshots(id)?.into_iter().map(SnapshotInfo::from);
    let snapshots: Vec<_> =
        std::iter::once(SnapshotInfo::baseline(&workspace)).chain(named).collect();
    Ok(SnapshotList { workspace_id: id, count: snapshots.len(), snapshots })
}
