//! A command in a workspace: streamed, exactly once, on the disk before its end is told, and in the
//! history.

use super::error::WorkspaceError;
use super::on_host;
use super::open_command::OpenCommand;
use super::paths::ROOT;
use super::running::Running;
use super::secrets::Secrets;
use crate::config::Config;
use crate::id::Id;
use crate::redaction::Redactor;
use crate::store::command::{CommandRecord, CommandState};
use crate::vm::VmError;
use crate::vm::exec::line::{ExecOptions, LineRequest, OptionError};
use crate::vm::exec::{Began, ExecOutcome, ExecRequest, exec_noting};
use crate::vm::io::{ExecIo, Stdin};
use crate::vm::output::{OutputTo, Recorder, without_secrets};
use crate::vm::result::{CommandOutput, CommandResult, millis};
use pyro_protocol::GuestPath;
use pyro_protocol::variable::Variable;
use serde::Serialize;
use std::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

/// A command that ran in a workspace. The names are those of the contract, and those of
/// [`CommandResult`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WorkspaceExec {
    /// The workspace.
    pub workspace_id: Id,
    /// Name of its environment.
    pub environment: String,
    /// Version of that environment; none on the host.
    pub environment_version: Option<String>,
    /// The command's number in the history; 0 where its end could not be recorded.
    pub sequence: u64,
    /// Why the history does not have its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_recorded: Option<String>,
    /// Where it ran; `/workspace` also on the host, where that is a directory of another name.
    pub cwd: String,
    /// Whom it ran as, where that was chosen.
    pub user: Option<String>,
    /// How it ended, and its output.
    #[serde(flatten)]
    pub result: CommandResult,
}

/// As [`ExecOptions::parse`]; a directory that is not absolute lies below `/workspace`.
///
/// # Errors
/// As [`ExecOptions::parse`].
pub fn options(
    cwd: Option<&str>,
    env: Vec<Variable>,
    user: Option<&str>,
) -> Result<ExecOptions, OptionError> {
    // An empty one is no path anywhere.
    let is_whole = |text: &str| text.starts_with('/') || text.trim().is_empty();
    let below =
        |text: &str| if is_whole(text) { text.to_owned() } else { format!("{ROOT}/{text}") };
    ExecOptions::parse(cwd.map(below).as_deref(), env, user)
}

/// Run a command in a workspace; `output` gets its output as it comes. It is in the history before
/// it starts.
///
/// # Errors
/// [`WorkspaceError`]; a command that never began is not in the history, one that broke off is,
/// with its output so far. `began` says which of them it was.
pub async fn run(
    config: &Config,
    id: Id,
    line: LineRequest,
    mut stdin: Stdin,
    output: OutputTo,
    cancel: &CancellationToken,
    began: &Began,
) -> Result<WorkspaceExec, WorkspaceError> {
    let running = Running::open_until(config, id, cancel).await?;
    let root = GuestPath::parse(ROOT.as_bytes()).unwrap_or_else(|_| GuestPath::root());
    let in_guest = running.tree_on_host().is_none();
    let secrets = Secrets::of(config, id)?;
    let redactor = secrets.redactor()?;
    let env = secrets.variables(&line.options)?;
    let mut request = ExecRequest { sync: true, in_guest, env, ..line.exec_request(root) };
    let command = redactor.as_ref().map(|redactor| redactor.text(&line.command));
    let command = command.unwrap_or(line.command);
    let open = OpenCommand::of(&running, &command, &request, redactor.as_ref());
    let (mut open, began_at) = (open?, Instant::now());
    request.sequence = open.record.sequence;
    let mut recorder = Recorder::keeping(config, output);
    let io = recorder.io(&mut stdin);
    let executed = execute(&running, request, io, redactor.as_ref(), began, cancel).await;
    if executed.is_err() && began.is_impossible() {
        open.never_began();
    }
    let executed = executed.map_err(|error| (broken_off(&error), error));
    let output = CommandOutput::of(recorder.finish());
    let executed = match executed {
        Ok(executed) => executed,
        Err((state, error)) => {
            open.record.state = state;
            open.record.duration_ms = millis(began_at.elapsed());
            open.close(CommandResult { output, ..CommandResult::default() });
            return Err(error);
        }
    };
    let result = CommandResult::of(&command, running.vm.execution_mode, executed, output);
    open.record.state = CommandState::Ended;
    (open.record.exit_code, open.record.duration_ms) = (result.status(), result.duration_ms);
    let (sequence, not_recorded) = open.end(&result)?;
    let CommandRecord { cwd, user, .. } = open.into_record();
    Ok(WorkspaceExec {
        workspace_id: id,
        environment: running.workspace.environment.clone(),
        environment_version: running.workspace.environment_version.clone(),
        sequence,
        not_recorded,
        cwd,
        user,
        result,
    })
}

/// Run it, until `cancel` is.
async fn execute(
    running: &Running<'_>,
    mut request: ExecRequest,
    io: ExecIo<'_>,
    redactor: Option<&Redactor>,
    began: &Began,
    cancel: &CancellationToken,
) -> Result<ExecOutcome, WorkspaceError> {
    if let Some(tree) = running.tree_on_host() {
        on_host::command(&tree, &mut request)?;
    }
    let run = async |io: ExecIo<'_>| exec_noting(running.client(), request, io, began).await;
    let executed = async {
        let Some(redactor) = redactor else { return run(io).await };
        let (executed, written) = without_secrets(redactor, io, run).await;
        let executed = executed?;
        written.map_err(VmError::Output)?;
        Ok(executed)
    };
    tokio::select! {
        executed = executed.instrument(tracing::debug_span!("exec")) => Ok(executed?),
        () = cancel.cancelled() => Err(VmError::Cancelled.into()),
    }
}

/// What becomes of a command that breaks off like this.
fn broken_off(error: &WorkspaceError) -> CommandState {
    match error {
        WorkspaceError::Vm(VmError::Cancelled | VmError::Output(_)) => CommandState::Interrupted,
        _ => CommandState::Lost,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_absolute_or_below_the_workspace() {
        let cwd = |text: &str| options(Some(text), Vec::new(), None).map(|options| options.cwd);
        for (text, expected) in
            [(".", "/workspace"), ("a/./b", "/workspace/a/b"), ("/tmp/", "/tmp"), ("/", "/")]
        {
            assert_eq!(cwd(text).unwrap().unwrap().as_bytes(), expected.as_bytes(), "{text:?}");
        }
        for bad in ["", " ", "..", "a/../b", "/a/..", "a\0b"] {
            assert!(matches!(cwd(bad), Err(OptionError::Cwd(_))), "{bad:?}");
        }
    }
}
