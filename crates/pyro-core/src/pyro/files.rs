//! The facade's operations on a workspace's files.

use super::Pyro;
use crate::error::PyroError;
use crate::id::Id;
use crate::workspace::WorkspaceError;
use crate::workspace::files::apply;
use crate::workspace::files::diff::{self, DiffRequest};
use crate::workspace::files::diff_report::DiffReport;
use crate::workspace::files::export::{self, ExportRequest, WorkspaceExport};
use crate::workspace::files::list::{self, FileList, ListRequest};
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
    pub async fn push_workspace_sync(
        &self,
        id: Id,
        request: PushRequest,
        cancel: &CancellationToken,
    ) -> Result<WorkspaceSync, PyroError> {
        self.told(id, push::push(&self.config, id, request, cancel)).await
    }

    /// A page of a workspace's files.
    ///
    /// # Errors
    /// [`crate::ErrorKind::NotFound`] when there is nothing at the path.
    pub async fn list_workspace_files(
        &self,
        id: Id,
        request: ListRequest,
    ) -> Result<FileList, PyroError> {
        self.told(id, list::list(&self.config, id, request)).await
    }

    /// At most `max_bytes` of a file, from byte `offset` on.
    ///
    /// # Errors
    /// [`crate::ErrorKind::NotFound`]; [`crate::ErrorKind::InvalidInput`] when it is no regular
    /// file.
    pub async fn read_workspace_file(
        &self,
        id: Id,
        path: &WorkspacePath,
        offset: u64,
        max_bytes: u64,
    ) -> Result<FileRead, PyroError> {
        self.told(id, read::read(&self.config, id, path, offset, max_bytes)).await
    }

    /// Write a file whole or not at all. Without a `mode` an existing file keeps its own, a new one
    /// is 0644.
    ///
    /// # Errors
    /// The file is then as it was.
    pub async fn write_workspace_file(
        &self,
        id: Id,
        path: &WorkspacePath,
        bytes: &[u8],
        mode: Option<u32>,
    ) -> Result<FileWritten, PyroError> {
        self.told(id, write::write(&self.config, id, path, bytes, mode)).await
    }

    /// What differs between two states of a workspace, by default since it was made.
    ///
    /// # Errors
    /// A file that cannot be read is named, and stops nothing.
    pub async fn diff_workspace(
        &self,
        id: Id,
        request: &DiffRequest,
        cancel: &CancellationToken,
    ) -> Result<DiffReport, PyroError> {
        self.told(id, diff::diff(&self.config, id, request, cancel)).await
    }

    /// Apply a patch of git, or a plain one, to a workspace.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Conflict`] with every hunk that does not fit; whatever it is, nothing
    /// has changed.
    pub async fn apply_workspace_patch(
        &self,
        id: Id,
        patch: &[u8],
        cancel: &CancellationToken,
    ) -> Result<PatchReport, PyroError> {
        self.told(id, apply::apply(&self.config, id, patch, cancel)).await
    }

    /// Put a file or a tree of a workspace, or its changes, on the host.
    ///
    /// # Errors
    /// [`crate::ErrorKind::AlreadyExists`] unless it may be replaced; whatever it is, there is
    /// nothing new on the host.
    pub async fn export_workspace(
        &self,
        id: Id,
        request: ExportRequest,
        cancel: &CancellationToken,
    ) -> Result<WorkspaceExport, PyroError> {
        self.told(id, export::export(&self.config, id, request, cancel)).await
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
