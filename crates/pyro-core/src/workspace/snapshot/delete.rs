//! Deleting a snapshot of a workspace, whether it runs or not.

use super::info::SnapshotDeleted;
use crate::config::Config;
use crate::id::Id;
use crate::snapshot_name::SnapshotName;
use crate::store::Store;
use crate::store::workspace::WorkspaceChange;
use crate::workspace::claim::{Claimed, claim};
use crate::workspace::error::WorkspaceError;
use crate::workspace::files::listing;
use crate::workspace::layers::unknown_snapshot;
use crate::workspace::{merge, reconcile, running};

/// Delete a snapshot. The layers that nobody else stands on go with it, or are merged. Blocks.
///
/// # Errors
/// [`WorkspaceError::NoSuchSnapshot`]; [`WorkspaceError::Changing`] when somebody else is at the
/// workspace.
pub fn delete(
    config: &Config,
    id: Id,
    name: &SnapshotName,
) -> Result<SnapshotDeleted, WorkspaceError> {
    let store = Store::open(&config.data_dir)?;
    reconcile::reconcile(config, &store)?;
    claim(config, &store, id, WorkspaceChange::Snapshotting)?;
    let claimed = Claimed::new(config, &store, id);
    if !store.delete_snapshot(id, name)? {
        return Err(unknown_snapshot(&store, id, name));
    }
    running::was_used(&store, id);
    // It is deleted: what follows gives its space back, now or with the next command.
    if let Err(error) = reconcile::collect_layers(config, &store) {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "the layers of a deleted snapshot wait for the next command"
        );
    }
    merge::merge(config, &store, id);
    let layers: Vec<Id> = store.snapshots(id)?.iter().map(|snapshot| snapshot.layer).collect();
    if let Err(error) = listing::prune(config, id, &layers) {
        tracing::warn!(error = &error as &dyn std::error::Error, "a listing is left");
    }
    claimed.give_back(|_| {})?;
    Ok(SnapshotDeleted { workspace_id: id, snapshot_name: name.to_string(), deleted: true })
}
