//! A command in the history from before its start to its end.

use super::error::WorkspaceError;
use super::outputs;
use super::running::Running;
use crate::config::Config;
use crate::host::clock;
use crate::id::Id;
use crate::redaction::Redactor;
use crate::store::Store;
use crate::store::command::{CommandRecord, CommandState};
use crate::vm::exec::ExecRequest;
use crate::vm::result::{CommandOutput, CommandResult};

/// A command that the history has as running. When its client dies the history shows that.
pub(super) struct OpenCommand<'a> {
    config: &'a Config,
    store: &'a Store,
    workspace: Id,
    vm: Id,
    /// What the history has of it.
    pub(super) record: CommandRecord,
    is_open: bool,
}

impl<'a> OpenCommand<'a> {
    /// Record a command that is about to start, of which `command` has no secrets any more; the
    /// workspace's lifetime begins anew.
    ///
    /// # Errors
    /// [`WorkspaceError::EndedMeanwhile`] when the workspace has another disk by now.
    pub(super) fn of(
        running: &'a Running<'a>,
        command: &str,
        request: &ExecRequest,
        redactor: Option<&Redactor>,
    ) -> Result<Self, WorkspaceError> {
        let without_secrets = |text: String| match redactor {
            Some(redactor) => redactor.text(&text),
            None => text,
        };
        let cwd = String::from_utf8_lossy(request.cwd.as_bytes()).into_owned();
        let user = request.user.as_ref().map(ToString::to_string);
        let record = CommandRecord {
            sequence: 0,
            command: command.to_owned(),
            cwd: without_secrets(cwd),
            user: user.map(without_secrets),
            state: CommandState::Running,
            exit_code: 0,
            duration_ms: 0,
            execution_mode: running.vm.execution_mode,
            recorded_at: clock::now(),
            output: String::new(),
        };
        Self::begin(running.config, &running.store, (running.workspace.id, running.vm.id), record)
    }

    /// As [`OpenCommand::of`], for a workspace and its vm.
    ///
    /// # Errors
    /// As [`OpenCommand::of`].
    pub(super) fn begin(
        config: &'a Config,
        store: &'a Store,
        (workspace, vm): (Id, Id),
        mut record: CommandRecord,
    ) -> Result<Self, WorkspaceError> {
        record.sequence = store
            .begin_command(workspace, vm, &record)?
            .ok_or_else(|| ended_meanwhile(workspace))?;
        Ok(Self { config, store, workspace, vm, record, is_open: true })
    }

    /// It was refused before it could start: the history does not have it.
    pub(super) fn never_began(&mut self) {
        self.is_open = false;
        if let Err(error) = self.store.forget_command(self.workspace, self.vm, self.record.sequence)
        {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(id = %self.workspace, error, "the history has a command that never began");
        }
    }

    /// Complete the record of one that came to its end: its number, or 0 and why the history does
    /// not have its end. What it did and said is more than that.
    ///
    /// # Errors
    /// [`WorkspaceError::EndedMeanwhile`] when the disk that it worked on is gone.
    pub(super) fn end(
        &mut self,
        result: &CommandResult,
    ) -> Result<(u64, Option<String>), WorkspaceError> {
        match self.complete(result) {
            Ok(true) => Ok((self.record.sequence, None)),
            Ok(false) => {
                // Nobody is told what it said.
                outputs::remove(self.config, result.output.files());
                Err(ended_meanwhile(self.workspace))
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(id = %self.workspace, error, "a command's end is not in the history");
                let causes = std::iter::successors(error.source(), |cause| cause.source());
                Ok((
                    0,
                    Some(causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))),
                ))
            }
        }
    }

    /// Complete the record of one that broke off; why it did is told, whatever becomes of this.
    pub(super) fn close(&mut self, result: CommandResult) {
        if !self.is_open || !self.complete(&result).unwrap_or(false) {
            outputs::remove(self.config, result.output.files());
        }
    }

    /// What the history has of it, once it was completed.
    pub(super) fn into_record(mut self) -> CommandRecord {
        self.is_open = false;
        self.record.clone()
    }

    fn complete(&mut self, result: &CommandResult) -> Result<bool, crate::store::StoreError> {
        self.is_open = false;
        self.record.recorded_at = clock::now();
        self.record.output = kept(result);
        self.store.end_command(self.workspace, self.vm, &self.record)
    }
}

/// A result as the history keeps it: without the command, which has a column of its own.
fn kept(result: &CommandResult) -> String {
    let output =
        CommandOutput { stdout_base64: None, stderr_base64: None, ..result.output.clone() };
    let (signal, timed_out, out_of_memory) =
        (result.signal, result.timed_out, result.out_of_memory.clone());
    let kept =
        CommandResult { output, signal, timed_out, out_of_memory, ..CommandResult::default() };
    serde_json::to_string(&kept).unwrap_or_default()
}

fn ended_meanwhile(id: Id) -> WorkspaceError {
    let why = Some("it was reset or deleted under the command".to_owned());
    WorkspaceError::EndedMeanwhile { id, why }
}

impl Drop for OpenCommand<'_> {
    fn drop(&mut self) {
        // Whoever waited for the command was dropped, which has ended it; this process may live on.
        if self.is_open {
            self.record.state = CommandState::Abandoned;
            let _ = self.complete(&CommandResult::default());
        }
    }
}
