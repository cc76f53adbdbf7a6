//! A command in a workspace: streamed, exactly once, on the disk before its end is told, and in the history.

use super::error::WorkspaceError;
use super::on_host;
use super::open_command::OpenCommand;
use super::paths::ROOT;
use super::running::Running;
use crate::config::Config;
use crate::execution_mode::ExecutionMode;
use crate::id::Id;
use crate::store::command::{CommandRecord, CommandState};
use crate::vm::VmError;
use crate::vm::exec::line::{ExecOptions, LineRequest, OptionError};
use crate::vm::exec::{ExecIo, ExecOutcome, ExecRequest, exec_noting};
use crate::vm::output::{OutputName, OutputTo, Recorded, Recorder};
use pyro_protocol::GuestPath;
use pyro_protocol::variable::Variable;
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::io::AsyncRead;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

/// What a command said: the text that fits in a result, and where the whole is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// Its standard output as text.
    pub stdout: String,
    /// As `stdout`, for standard error.
    pub stderr: String,
    /// `utf-8`, or `utf-8-replaced` where invalid bytes were replaced.
    pub stdout_encoding: String,
    /// As `stdout_encoding`.
    pub stderr_encoding: String,
    /// Whether bytes were left out.
    pub stdout_truncated: bool,
    /// As `stdout_truncated`.
    pub stderr_truncated: bool,
    /// Bytes that it had as a whole.
    pub stdout_bytes: u64,
    /// As `stdout_bytes`.
    pub stderr_bytes: u64,
    /// The output that [`crate::Pyro::read_output`] pages through, where bytes were left out, or replaced and not in
    /// `stdout_base64`.
    pub stdout_file: Option<OutputName>,
    /// As `stdout_file`.
    pub stderr_file: Option<OutputName>,
    /// All its bytes in base64, where invalid ones were replaced and it is short; not kept in the history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdout_base64: Option<String>,
    /// As `stdout_base64`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stderr_base64: Option<String>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Whether it was killed because its time was over.
    pub timed_out: bool,
    /// The process that the kernel killed meanwhile, the last where it was several, because the guest's memory was full.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub out_of_memory: Option<String>,
}

/// How a command in a workspace ended. The names are those of the contract; those of [`Said`] that it lacks are ours.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WorkspaceExec {
    /// The workspace.
    pub workspace_id: Id,
    /// Name of its environment.
    pub environment: String,
    /// Version of that environment, where one is used.
    pub environment_version: Option<String>,
    /// The command as given.
    pub command: String,
    /// What it said.
    #[serde(flatten)]
    pub said: Said,
    /// Its status.
    pub exit_code: i32,
    /// Wall time of the command, in milliseconds.
    pub duration_ms: u64,
    /// `guest_kvm`, `guest_tcg` or `host_compat`.
    pub execution_mode: ExecutionMode,
    /// Its number in the history; 0 where its end could not be recorded.
    pub sequence: u64,
    /// Why the history does not have its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_recorded: Option<String>,
    /// Where it ran; `/workspace` also on the host, where that is a directory of another name.
    pub cwd: String,
    /// Whom it ran as, where that was chosen.
    pub user: Option<String>,
}

/// As [`ExecOptions::parse`]; a directory that is not absolute lies below `/workspace`.
///
/// # Errors
/// As [`ExecOptions::parse`].
pub fn options(cwd: Option<&str>, env: Vec<Variable>, user: Option<&str>) -> Result<ExecOptions, OptionError> {
    // An empty one is no path anywhere.
    let is_whole = |text: &str| text.starts_with('/') || text.trim().is_empty();
    let below = |text: &str| if is_whole(text) { text.to_owned() } else { format!("{ROOT}/{text}") };
    ExecOptions::parse(cwd.map(below).as_deref(), env, user)
}

/// Run a command in a workspace; `output` gets its output as it comes. It is in the history before it starts.
///
/// # Errors
/// [`WorkspaceError`]; a command that never began is not in the history, one that broke off is, with its output so far.
pub async fn run(
    config: &Config,
    id: Id,
    line: LineRequest,
    stdin: Option<&mut (dyn AsyncRead + Unpin + Send)>,
    output: OutputTo<'_, '_>,
    cancel: &CancellationToken,
) -> Result<WorkspaceExec, WorkspaceError> {
    let running = Running::open_until(config, id, cancel).await?;
    let root = GuestPath::parse(ROOT.as_bytes()).unwrap_or_else(|_| GuestPath::root());
    let in_guest = running.tree_on_host().is_none();
    let mut request = ExecRequest { sync: true, in_guest, ..line.exec_request(root) };
    let (mut open, began_at) = (OpenCommand::of(&running, &line.command, &request)?, Instant::now());
    request.sequence = open.record.sequence;
    let began = AtomicBool::new(false);
    let mut told;
    let mut recorder = match output {
        OutputTo::Watch(watch) => {
            told = |stream, bytes: &[u8]| watch(stream, bytes);
            Recorder::new(config, &mut told)
        }
        OutputTo::Readers { stdout, stderr } => Recorder::handing_on(config, stdout, stderr),
    };
    let io = match stdin {
        Some(stdin) => recorder.io(Some(stdin)),
        None => recorder.io(None),
    };
    let executed = execute(&running, request, io, &began, cancel).await;
    if executed.is_err() && !began.load(Ordering::Relaxed) {
        open.never_began();
    }
    let executed = executed.map_err(|error| (broken_off(&error), error));
    let (stdout, stderr) = recorder.finish();
    let said = Said::of(stdout, stderr);
    let executed = match executed {
        Ok(executed) => executed,
        Err((state, error)) => {
            open.record.state = state;
            open.record.duration_ms = millis(began_at.elapsed());
            open.close(&said);
            return Err(error);
        }
    };
    let said =
        Said { signal: executed.signal, timed_out: executed.timed_out, out_of_memory: executed.out_of_memory, ..said };
    open.record.state = CommandState::Ended;
    (open.record.exit_code, open.record.duration_ms) = (executed.exit_code, millis(executed.duration));
    let (sequence, not_recorded) = open.end(&said)?;
    let CommandRecord { command, cwd, user, duration_ms, execution_mode, exit_code, .. } = open.into_record();
    Ok(WorkspaceExec {
        workspace_id: id,
        environment: running.workspace.environment.clone(),
        environment_version: running.workspace.environment_version.clone(),
        command,
        said,
        exit_code,
        duration_ms,
        execution_mode,
        sequence,
        not_recorded,
        cwd,
        user,
    })
}

/// Run it, until `cancel` is.
async fn execute(
    running: &Running<'_>,
    mut request: ExecRequest,
    io: ExecIo<'_>,
    began: &AtomicBool,
    cancel: &CancellationToken,
) -> Result<ExecOutcome, WorkspaceError> {
    if let Some(tree) = running.tree_on_host() {
        on_host::command(&tree, &mut request)?;
    }
    tokio::select! {
        executed = exec_noting(running.client(), request, io, began).instrument(tracing::debug_span!("exec")) => Ok(executed?),
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

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Said {
    /// The files of outputs that were too long.
    pub(super) fn files(&self) -> impl Iterator<Item = &OutputName> {
        self.stdout_file.iter().chain(&self.stderr_file)
    }

    /// As the history keeps it.
    pub(super) fn kept(&self) -> String {
        let kept = Self { stdout_base64: None, stderr_base64: None, ..self.clone() };
        serde_json::to_string(&kept).unwrap_or_default()
    }

    fn of(stdout: Recorded, stderr: Recorded) -> Self {
        Self {
            stdout: stdout.output.text,
            stdout_encoding: stdout.output.encoding.to_owned(),
            stdout_truncated: stdout.output.truncated,
            stdout_bytes: stdout.output.bytes,
            stdout_file: stdout.file,
            stderr: stderr.output.text,
            stderr_encoding: stderr.output.encoding.to_owned(),
            stderr_truncated: stderr.output.truncated,
            stderr_bytes: stderr.output.bytes,
            stderr_file: stderr.file,
            stdout_base64: stdout.output.base64,
            stderr_base64: stderr.output.base64,
            signal: None,
            timed_out: false,
            out_of_memory: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_absolute_or_below_the_workspace() {
        let cwd = |text: &str| options(Some(text), Vec::new(), None).map(|options| options.cwd);
        for (text, expected) in [(".", "/workspace"), ("a/./b", "/workspace/a/b"), ("/tmp/", "/tmp"), ("/", "/")] {
            assert_eq!(cwd(text).unwrap().unwrap().as_bytes(), expected.as_bytes(), "{text:?}");
        }
        for bad in ["", " ", "..", "a/../b", "/a/..", "a\0b"] {
            assert!(matches!(cwd(bad), Err(OptionError::Cwd(_))), "{bad:?}");
        }
    }
}
