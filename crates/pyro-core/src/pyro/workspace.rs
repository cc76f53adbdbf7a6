//! The facade's operations on workspaces.

use super::Pyro;
use crate::error::PyroError;
use crate::id::Id;
use crate::snapshot_name::Snapshot;
use crate::vm::Caller;
use crate::vm::blocking;
use crate::vm::exec::line::LineRequest;
use crate::vm::io::Stdin;
use crate::vm::output::OutputTo;
use crate::workspace::create::{self, CreateRequest};
use crate::workspace::exec::{self, WorkspaceExec};
use crate::workspace::info::{
    WorkspaceDeleted, WorkspaceForks, WorkspaceInfo, WorkspaceList, WorkspaceResetInfo,
};
use crate::workspace::logs::{self, WorkspaceLogs};
use crate::workspace::update::{self, UpdateRequest};
use crate::workspace::{WorkspaceError, delete, explained, fork, list, reset, start, status, stop};
use tokio_util::sync::CancellationToken;

impl Pyro {
    /// Create a workspace and start it; it stays until it is deleted.
    ///
    /// # Errors
    /// Whatever it is, there is no workspace.
    pub async fn create_workspace(
        &self,
        request: &CreateRequest,
        mut caller: Caller<'_>,
    ) -> Result<WorkspaceInfo, PyroError> {
        let created = create::create(&self.config, request, &mut caller).await;
        created.map_err(|error| PyroError::from(error).of_no_workspace())
    }

    /// Every workspace, the one with the newest activity first.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub async fn list_workspaces(&self) -> Result<WorkspaceList, PyroError> {
        let config = self.config.clone();
        apart(move || list::list(&config)).await
    }

    /// What a workspace is at.
    ///
    /// # Errors
    /// [`crate::ErrorKind::NotFound`].
    pub async fn status_workspace(&self, id: Id) -> Result<WorkspaceInfo, PyroError> {
        let config = self.config.clone();
        apart(move || status::status(&config, id)).await
    }

    /// Whether a workspace runs its commands on the host: no guest was to be had when it was
    /// created. That stays so as long as it lives; false where there is no such workspace.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub async fn is_workspace_on_host(&self, id: Id) -> Result<bool, PyroError> {
        let config = self.config.clone();
        apart(move || status::is_on_host(&config, id)).await
    }

    /// Change a workspace's name, labels and lifetime.
    ///
    /// # Errors
    /// [`crate::ErrorKind::InvalidInput`], also when nothing would change.
    pub async fn update_workspace(
        &self,
        id: Id,
        request: UpdateRequest,
    ) -> Result<WorkspaceInfo, PyroError> {
        Ok(update::update(&self.config, id, &request).await?)
    }

    /// Start a stopped workspace from its disk.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Busy`] when somebody else is changing it.
    pub async fn start_workspace(
        &self,
        id: Id,
        cancel: &CancellationToken,
    ) -> Result<WorkspaceInfo, PyroError> {
        start::start(&self.config, id, cancel)
            .await
            .map_err(|error| PyroError::from(error).of_workspace(id))
    }

    /// Stop a workspace in order; its disk is kept.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Busy`] when somebody else is changing it.
    pub async fn stop_workspace(&self, id: Id) -> Result<WorkspaceInfo, PyroError> {
        let config = self.config.clone();
        apart(move || stop::stop(&config, id)).await.map_err(|error| error.of_workspace(id))
    }

    /// Delete a workspace and everything that only it needs.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Busy`] when somebody else is changing it.
    pub async fn delete_workspace(&self, id: Id) -> Result<WorkspaceDeleted, PyroError> {
        let config = self.config.clone();
        apart(move || delete::delete(&config, id)).await.map_err(|error| error.of_workspace(id))
    }

    /// Put a workspace's whole disk back to its baseline or to a snapshot; it runs afterwards.
    ///
    /// # Errors
    /// Whatever it is, the workspace is as it was.
    pub async fn reset_workspace(
        &self,
        id: Id,
        to: Snapshot,
        cancel: &CancellationToken,
    ) -> Result<WorkspaceResetInfo, PyroError> {
        reset::reset(&self.config, id, &to, cancel)
            .await
            .map_err(|error| PyroError::from(error).of_workspace(id))
    }

    /// Make `count` new workspaces from the present disk of one.
    ///
    /// # Errors
    /// Whatever it is, the one is as it was, and there is no new one.
    pub async fn fork_workspace(
        &self,
        id: Id,
        count: u32,
        name: Option<&str>,
        cancel: &CancellationToken,
    ) -> Result<WorkspaceForks, PyroError> {
        fork::fork(&self.config, id, count, name, cancel)
            .await
            .map_err(|error| PyroError::from(error).of_workspace(id))
    }

    /// Run a command in a workspace; `output` gets its output as it comes.
    ///
    /// # Errors
    /// A command that never began is not in the history; one that broke off is, with its output so
    /// far.
    pub async fn exec_workspace(
        &self,
        id: Id,
        line: LineRequest,
        stdin: Stdin<'_>,
        output: OutputTo<'_>,
        cancel: &CancellationToken,
    ) -> Result<WorkspaceExec, PyroError> {
        if line.command.trim().is_empty() {
            return Err(WorkspaceError::NoCommand { id }.into());
        }
        line.check()?;
        self.told(id, exec::run(&self.config, id, line, stdin, output, cancel)).await
    }

    /// At most `limit` commands of a workspace's history behind the number `after`, oldest first.
    ///
    /// # Errors
    /// [`crate::ErrorKind::NotFound`].
    pub async fn logs_workspace(
        &self,
        id: Id,
        after: u64,
        limit: u64,
    ) -> Result<WorkspaceLogs, PyroError> {
        let config = self.config.clone();
        apart(move || logs::logs(&config, id, after, limit)).await
    }

    /// What commands left in the background of a workspace has printed since they ended, at most
    /// `max_bytes` of each; nothing where the workspace does not run.
    ///
    /// # Errors
    /// [`crate::ErrorKind::NotFound`]; [`crate::ErrorKind::Unsupported`] for a guest that an older
    /// pyro has started.
    pub async fn background_workspace(
        &self,
        id: Id,
        max_bytes: usize,
    ) -> Result<WorkspaceLogs, PyroError> {
        self.told(id, logs::of_background(&self.config, id, max_bytes)).await
    }

    /// What comes of an operation in a workspace's guest, as its caller is told.
    pub(super) async fn told<T>(
        &self,
        id: Id,
        operation: impl Future<Output = Result<T, WorkspaceError>>,
    ) -> Result<T, PyroError> {
        explained(&self.config, id, operation)
            .await
            .map_err(|error| PyroError::from(error).of_workspace(id))
    }
}

/// Do what blocks on a thread of its own.
pub(super) async fn apart<T: Send + 'static>(
    act: impl FnOnce() -> Result<T, WorkspaceError> + Send + 'static,
) -> Result<T, PyroError> {
    Ok(blocking(move || Ok(act())).await??)
}
