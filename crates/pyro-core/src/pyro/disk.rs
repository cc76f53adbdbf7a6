//! The facade's operations on disks of workspaces.

use super::Pyro;
use super::operation_future::OperationFuture;
use super::workspace::of;
use crate::error::PyroError;
use crate::id::Id;
use crate::workspace::WorkspaceError;
use crate::workspace::disk::export::{self, DiskExport, DiskExportRequest};
use crate::workspace::disk::list::{self, DiskList, DiskListRequest};
use crate::workspace::disk::path::DiskPath;
use crate::workspace::disk::read::{self, DiskRead, DiskReadRequest};
use crate::workspace::files::FileError;
use tokio_util::sync::CancellationToken;

impl Pyro {
    /// A path anywhere on the disk of a workspace, from what a user or a model gives.
    ///
    /// # Errors
    /// [`crate::ErrorKind::InvalidInput`].
    pub fn disk_path(raw: &[u8]) -> Result<DiskPath, PyroError> {
        Ok(DiskPath::parse(raw).map_err(|error| WorkspaceError::from(FileError::from(error)))?)
    }

    /// A page of the files on the disk of a stopped workspace, or of a snapshot.
    ///
    /// # Errors
    /// [`crate::ErrorKind::WrongState`] while it runs, unless a snapshot is named.
    pub fn list_workspace_disk(
        &self,
        id: Id,
        request: DiskListRequest,
    ) -> OperationFuture<DiskList> {
        let config = self.config.clone();
        OperationFuture::until_dropped(&self.under_way, async move || {
            list::list(&config, id, &request).await.map_err(|error| of(&config, id, error))
        })
    }

    /// A part of a file on the disk of a stopped workspace, or of a snapshot.
    ///
    /// # Errors
    /// [`crate::ErrorKind::WrongState`] while it runs, unless a snapshot is named.
    pub fn read_workspace_disk(
        &self,
        id: Id,
        request: DiskReadRequest,
    ) -> OperationFuture<DiskRead> {
        let config = self.config.clone();
        OperationFuture::until_dropped(&self.under_way, async move || {
            read::read(&config, id, &request).await.map_err(|error| of(&config, id, error))
        })
    }

    /// Put the disk of a stopped workspace, or of a snapshot, on the host as one file.
    ///
    /// # Errors
    /// [`crate::ErrorKind::WrongState`] while it runs, unless a snapshot is named; whatever it is,
    /// there is nothing new on the host.
    pub fn export_workspace_disk(
        &self,
        id: Id,
        request: DiskExportRequest,
        cancel: &CancellationToken,
    ) -> OperationFuture<DiskExport> {
        let config = self.config.clone();
        OperationFuture::cancellable(&self.under_way, cancel, async move |cancel| {
            export::export(&config, id, request, &cancel)
                .await
                .map_err(|error| of(&config, id, error))
        })
    }
}
