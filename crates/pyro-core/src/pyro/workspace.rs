//! The facade's operations on workspaces.

use super::Pyro;
use super::operation_future::OperationFuture;
use crate::config::Config;
use crate::error::PyroError;
use crate::id::Id;
use crate::snapshot_name::Snapshot;
use crate::vm::Caller;
use crate::vm::exec::Began;
use crate::vm::exec::line::LineRequest;
use crate::vm::io::Stdin;
use crate::vm::output::OutputTo;
use crate::workspace::create::{self, CreateRequest};
use crate::workspace::exec::{self, WorkspaceExec};
use crate::workspace::info::{
    WorkspaceDeleted, WorkspaceForks, WorkspaceInfo, WorkspaceList, WorkspaceResetInfo,
};
use crate::workspace::logs::{self, WorkspaceLogs};
use crate::workspace::secrets::Secrets;
use crate::workspace::update::{self, UpdateRequest};
use crate::workspace::{WorkspaceError, delete, explained, fork, list, reset, start, status, stop};
use tokio_util::sync::CancellationToken;

impl Pyro {
    /// Create a workspace and start it; it stays until it is deleted.
    ///
    /// # Errors
    /// Whatever it is, there is no workspace.
    pub fn create_workspace(
        &self,
        request: CreateRequest,
        caller: Caller,
    ) -> OperationFuture<WorkspaceInfo> {
        let (config, cancel) = (self.config.clone(), caller.cancel.clone());
        OperationFuture::cancellable(&self.under_way, &cancel, async move |cancel| {
            let mut caller = caller.cancelled_by(cancel);
            let created = create::create(&config, &request, &mut caller).await;
            created.map_err(|error| PyroError::from(error).of_no_workspace())
        })
    }

    /// Every workspace, the one with the newest activity first.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub fn list_workspaces(&self) -> OperationFuture<WorkspaceList> {
        self.step(move |config| Ok(list::list(config)?))
    }

    /// What a workspace is at.
    ///
    /// # Errors
    /// [`crate::ErrorKind::NotFound`].
    pub fn status_workspace(&self, id: Id) -> OperationFuture<WorkspaceInfo> {
        self.step(move |config| Ok(status::status(config, id)?))
    }

    /// Whether a workspace runs its commands on the host: no guest was to be had when it was
    /// created. That stays so as long as it lives; false where there is no such workspace.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub fn is_workspace_on_host(&self, id: Id) -> OperationFuture<bool> {
        self.step(move |config| Ok(status::is_on_host(config, id)?))
    }

    /// Change a workspace's name, labels and lifetime.
    ///
    /// # Errors
    /// [`crate::ErrorKind::InvalidInput`], also when nothing would change.
    pub fn update_workspace(
        &self,
        id: Id,
        request: UpdateRequest,
    ) -> OperationFuture<WorkspaceInfo> {
        let config = self.config.clone();
        OperationFuture::to_its_end(&self.under_way, async move || {
            Ok(update::update(&config, id, &request).await?)
        })
    }

    /// Start a stopped workspace from its disk.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Busy`] when somebody else is changing it.
    pub fn start_workspace(
        &self,
        id: Id,
        cancel: &CancellationToken,
    ) -> OperationFuture<WorkspaceInfo> {
        let config = self.config.clone();
        OperationFuture::cancellable(&self.under_way, cancel, async move |cancel| {
            start::start(&config, id, &cancel).await.map_err(|error| of(&config, id, error))
        })
    }

    /// Stop a workspace in order; its disk is kept.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Busy`] when somebody else is changing it.
    pub fn stop_workspace(&self, id: Id) -> OperationFuture<WorkspaceInfo> {
        self.step(move |config| stop::stop(config, id).map_err(|error| of(config, id, error)))
    }

    /// Delete a workspace and everything that only it needs.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Busy`] when somebody else is changing it.
    pub fn delete_workspace(&self, id: Id) -> OperationFuture<WorkspaceDeleted> {
        self.step(move |config| delete::delete(config, id).map_err(|error| of(config, id, error)))
    }

    /// Put a workspace's whole disk back to its baseline or to a snapshot; it runs afterwards.
    ///
    /// # Errors
    /// Whatever it is, the workspace is as it was.
    pub fn reset_workspace(
        &self,
        id: Id,
        to: Snapshot,
        cancel: &CancellationToken,
    ) -> OperationFuture<WorkspaceResetInfo> {
        let config = self.config.clone();
        OperationFuture::cancellable(&self.under_way, cancel, async move |cancel| {
            reset::reset(&config, id, &to, &cancel).await.map_err(|error| of(&config, id, error))
        })
    }

    /// Make `count` new workspaces from the present disk of one.
    ///
    /// # Errors
    /// Whatever it is, the one is as it was, and there is no new one.
    pub fn fork_workspace(
        &self,
        id: Id,
        count: u32,
        name: Option<String>,
        cancel: &CancellationToken,
    ) -> OperationFuture<WorkspaceForks> {
        let config = self.config.clone();
        OperationFuture::cancellable(&self.under_way, cancel, async move |cancel| {
            let forked = fork::fork(&config, id, count, name.as_deref(), &cancel).await;
            forked.map_err(|error| of(&config, id, error))
        })
    }

    /// Run a command in a workspace; `output` gets its output as it comes.
    ///
    /// # Errors
    /// A command that never began is not in the history; one that broke off is, with its output so
    /// far.
    pub fn exec_workspace(
        &self,
        id: Id,
        line: LineRequest,
        stdin: Stdin,
        output: OutputTo,
        cancel: &CancellationToken,
    ) -> OperationFuture<WorkspaceExec> {
        let config = self.config.clone();
        OperationFuture::cancellable(&self.under_way, cancel, async move |cancel| {
            let began = Began::default();
            let work = async {
                if line.command.trim().is_empty() {
                    return Err(WorkspaceError::NoCommand { id });
                }
                line.check()?;
                exec::run(&config, id, line, stdin, output, &cancel, &began).await
            };
            explained(&config, id, work)
                .await
                .map_err(|error| of(&config, id, error).of_command(&began))
        })
    }

    /// At most `limit` commands of a workspace's history behind the number `after`, oldest first.
    ///
    /// # Errors
    /// [`crate::ErrorKind::NotFound`].
    pub fn logs_workspace(&self, id: Id, after: u64, limit: u64) -> OperationFuture<WorkspaceLogs> {
        self.step(move |config| Ok(logs::logs(config, id, after, limit)?))
    }

    /// What commands left in the background of a workspace has printed since they ended, at most
    /// `max_bytes` of each; nothing where the workspace does not run.
    ///
    /// # Errors
    /// [`crate::ErrorKind::NotFound`]; [`crate::ErrorKind::Unsupported`] for a guest that an older
    /// pyro has started.
    pub fn background_workspace(&self, id: Id, max_bytes: usize) -> OperationFuture<WorkspaceLogs> {
        self.in_guest(id, async move |config| logs::of_background(config, id, max_bytes).await)
    }

    /// An operation in a workspace's guest that leaves nothing behind when it is dropped.
    pub(super) fn in_guest<T: Send + 'static>(
        &self,
        id: Id,
        work: impl AsyncFnOnce(&Config) -> Result<T, WorkspaceError> + Send + 'static,
    ) -> OperationFuture<T> {
        let config = self.config.clone();
        OperationFuture::until_dropped(&self.under_way, async move || {
            explained(&config, id, work(&config)).await.map_err(|error| of(&config, id, error))
        })
    }

    /// An operation in a workspace's guest that clears away when it is cancelled.
    pub(super) fn cancellable_in_guest<T: Send + 'static>(
        &self,
        id: Id,
        cancel: &CancellationToken,
        work: impl AsyncFnOnce(&Config, &CancellationToken) -> Result<T, WorkspaceError>
        + Send
        + 'static,
    ) -> OperationFuture<T> {
        let config = self.config.clone();
        OperationFuture::cancellable(&self.under_way, cancel, async move |cancel| {
            explained(&config, id, work(&config, &cancel))
                .await
                .map_err(|error| of(&config, id, error))
        })
    }
}

/// A failure in the workspace `id`, without its secrets.
pub(super) fn of(config: &Config, id: Id, error: WorkspaceError) -> PyroError {
    let error = PyroError::from(error).of_workspace(id);
    match Secrets::of(config, id).and_then(|secrets| secrets.redactor()) {
        Ok(Some(redactor)) => error.reworded(|text| redactor.text(text)),
        Ok(None) => error,
        // Nobody can say what of it is one.
        Err(unread) => PyroError::from(unread).of_workspace(id),
    }
}
