//! The facade's operations on snapshots of workspaces.

use super::Pyro;
use super::operation_future::OperationFuture;
use super::workspace::of;
use crate::error::PyroError;
use crate::id::Id;
use crate::snapshot_name::{DiffPoint, Snapshot, SnapshotName};
use crate::workspace::WorkspaceError;
use crate::workspace::snapshot::info::{SnapshotCreated, SnapshotDeleted, SnapshotList};
use crate::workspace::snapshot::{create, delete, list};
use tokio_util::sync::CancellationToken;

impl Pyro {
    /// The name of a snapshot, as a user gives it.
    ///
    /// # Errors
    /// [`crate::ErrorKind::InvalidInput`], also for the names that are reserved.
    pub fn snapshot_name(text: &str) -> Result<SnapshotName, PyroError> {
        Ok(SnapshotName::parse(text).map_err(WorkspaceError::from)?)
    }

    /// What a workspace can go back to, as a user names it.
    ///
    /// # Errors
    /// [`crate::ErrorKind::InvalidInput`].
    pub fn snapshot(text: &str) -> Result<Snapshot, PyroError> {
        Ok(Snapshot::parse(text).map_err(WorkspaceError::from)?)
    }

    /// A state of a workspace that is compared, as a user names it.
    ///
    /// # Errors
    /// [`crate::ErrorKind::InvalidInput`].
    pub fn diff_point(text: &str) -> Result<DiffPoint, PyroError> {
        Ok(DiffPoint::parse(text).map_err(WorkspaceError::from)?)
    }

    /// Take a snapshot of a workspace's whole disk; a workspace that runs goes on.
    ///
    /// # Errors
    /// [`crate::ErrorKind::AlreadyExists`]; whatever it is, there is no new snapshot.
    pub fn create_snapshot(
        &self,
        id: Id,
        name: SnapshotName,
        cancel: &CancellationToken,
    ) -> OperationFuture<SnapshotCreated> {
        let config = self.config.clone();
        OperationFuture::cancellable(&self.under_way, cancel, async move |cancel| {
            create::create(&config, id, &name, &cancel)
                .await
                .map_err(|error| of(&config, id, error))
        })
    }

    /// The snapshots of a workspace: its baseline, then the others, the newest first.
    ///
    /// # Errors
    /// [`crate::ErrorKind::NotFound`].
    pub fn list_snapshots(&self, id: Id) -> OperationFuture<SnapshotList> {
        self.step(move |config| Ok(list::list(config, id)?))
    }

    /// Delete a snapshot of a workspace.
    ///
    /// # Errors
    /// [`crate::ErrorKind::NotFound`]; [`crate::ErrorKind::Busy`] when somebody else is changing
    /// the workspace.
    pub fn delete_snapshot(&self, id: Id, name: SnapshotName) -> OperationFuture<SnapshotDeleted> {
        self.step(move |config| {
            delete::delete(config, id, &name).map_err(|error| of(config, id, error))
        })
    }
}
