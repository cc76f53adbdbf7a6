//! The facade's operations on a workspace's files.

use super::Pyro;
use super::operation_future::OperationFuture;
use crate::error::PyroError;
use crate::id::Id;
use crate::workspace::WorkspaceError;
use crate::workspace::files::apply;
use crate::workspace::files::diff::{self, DiffRequest};
use crate::workspace::files::diff_report::DiffReport;
use crate::workspace::files::export::{self, ExportRequest, WorkspaceExport};
use crate::workspace::files::list::{self, FileList, FileListRequest};
use crate::workspace::files::patch_report::PatchReport;
use crate::workspace::files::push::{self, PushRequest, WorkspaceSync};
use crate::workspace::files::read::{self, FileRead};
use crate::workspace::files::write::{self, FileWritten};
use crate::workspace::files::{FileError, WorkspacePath};
use tokio_util::sync::CancellationToken;

impl Pyro {
    /// Make a tree of the host the workspace's: only what differs is sent.
    ///
    /// # Errors
    /// Whatever it is, nothing in the workspace has changed.
    pub fn push_workspace_sync(
        &self,
        id: Id,
        request: PushRequest,
        cancel: &CancellationToken,
    ) -> OperationFuture<WorkspaceSync> {
        self.cancellable_in_guest(id, cancel, async move |config, cancel| {
            push::push(config, id, request, cancel).await
        })
    }

    /// A page of a workspace's files.
    ///
    /// # Errors
    /// [`crate::ErrorKind::NotFound`] when there is nothing at the path.
    pub fn list_workspace_files(
        &self,
        id: Id,
        request: FileListRequest,
    ) -> OperationFuture<FileList> {
        self.in_guest(id, async move |config| list::list(config, id, request).await)
    }

    /// At most `max_bytes` of a file, from byte `offset` on.
    ///
    /// # Errors
    /// [`crate::ErrorKind::NotFound`]; [`crate::ErrorKind::InvalidInput`] when it is no regular
    /// file.
    pub fn read_workspace_file(
        &self,
        id: Id,
        path: WorkspacePath,
        offset: u64,
        max_bytes: u64,
        redact: bool,
    ) -> OperationFuture<FileRead> {
        self.in_guest(id, async move |config| {
            read::read(config, id, &path, offset, max_bytes, redact).await
        })
    }

    /// Write a file whole or not at all. Without a `mode` an existing file keeps its own, a new one
    /// is 0644.
    ///
    /// # Errors
    /// The file is then as it was.
    pub fn write_workspace_file(
        &self,
        id: Id,
        path: WorkspacePath,
        bytes: Vec<u8>,
        mode: Option<u32>,
    ) -> OperationFuture<FileWritten> {
        self.in_guest(id, async move |config| write::write(config, id, &path, &bytes, mode).await)
    }

    /// What differs between two states of a workspace, by default since it was made.
    ///
    /// # Errors
    /// A file that cannot be read is named, and stops nothing.
    pub fn diff_workspace(
        &self,
        id: Id,
        request: DiffRequest,
        cancel: &CancellationToken,
    ) -> OperationFuture<DiffReport> {
        self.cancellable_in_guest(id, cancel, async move |config, cancel| {
            diff::diff(config, id, &request, cancel).await
        })
    }

    /// Apply a patch of git, or a plain one, to a workspace.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Conflict`] with every hunk that does not fit; whatever it is, nothing
    /// has changed.
    pub fn apply_workspace_patch(
        &self,
        id: Id,
        patch: Vec<u8>,
        cancel: &CancellationToken,
    ) -> OperationFuture<PatchReport> {
        self.cancellable_in_guest(id, cancel, async move |config, cancel| {
            apply::apply(config, id, &patch, cancel).await
        })
    }

    /// Put a file or a tree of a workspace, or its changes, on the host.
    ///
    /// # Errors
    /// [`crate::ErrorKind::AlreadyExists`] unless it may be replaced; whatever it is, there is
    /// nothing new on the host.
    pub fn export_workspace(
        &self,
        id: Id,
        request: ExportRequest,
        cancel: &CancellationToken,
    ) -> OperationFuture<WorkspaceExport> {
        self.cancellable_in_guest(id, cancel, async move |config, cancel| {
            export::export(config, id, request, cancel).await
        })
    }

    /// A path at or below `/workspace`, from what a user or a model gives.
    ///
    /// # Errors
    /// [`crate::ErrorKind::InvalidInput`].
    pub fn workspace_path(raw: &[u8]) -> Result<WorkspacePath, PyroError> {
        Ok(WorkspacePath::parse(raw)
            .map_err(|error| WorkspaceError::from(FileError::from(error)))?)
    }
}
