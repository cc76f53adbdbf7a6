//! A command in a workspace: streamed, exactly once, on the disk before its end is told, and in the history.

use super::error::WorkspaceError;
use super::running::Running;
use super::{ROOT, on_host};
use crate::config::Config;
use crate::host::clock;
use crate::id::Id;
use crate::store::command::CommandRecord;
use crate::vm::VmError;
use crate::vm::exec::{ExecRequest, exec};
use crate::vm::output::{OutputName, OutputTo, Recorded, Recorder};
use pyro_protocol::GuestPath;
use pyro_protocol::message::Command;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tokio::io::AsyncRead;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

/// What to run.
#[derive(Clone, Debug)]
pub struct ExecInWorkspace {
    /// A line for the guest's login shell.
    pub command: String,
    /// How long it may run.
    pub timeout: Duration,
    /// Where; `/workspace` where none is given.
    pub cwd: Option<GuestPath>,
    /// Variables over the guest's defaults.
    pub env: Vec<(String, String)>,
}

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
    /// The output that [`crate::Pyro::read_output`] pages through, where bytes were left out.
    pub stdout_file: Option<OutputName>,
    /// As `stdout_file`.
    pub stderr_file: Option<OutputName>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Whether it was killed because its time was over.
    pub timed_out: bool,
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
    pub execution_mode: String,
    /// Its number in the history.
    pub sequence: u64,
    /// Where it ran; `/workspace` also on the host, where that is a directory of another name.
    pub cwd: String,
}

/// The directory that `text` names: absolute, or below `/workspace`.
///
/// # Errors
/// [`WorkspaceError::Cwd`], also for `..`.
pub fn cwd(text: &str) -> Result<GuestPath, WorkspaceError> {
    let path = if text.starts_with('/') { text.to_owned() } else { format!("{ROOT}/{text}") };
    GuestPath::parse(path.as_bytes()).map_err(WorkspaceError::Cwd)
}

/// Run a command in a workspace; `output` gets its output as it comes.
///
/// # Errors
/// [`WorkspaceError`]; a command that did not come to its end is not in the history.
pub async fn run(
    config: &Config,
    id: Id,
    request: ExecInWorkspace,
    stdin: Option<&mut (dyn AsyncRead + Unpin + Send)>,
    output: OutputTo<'_, '_>,
    cancel: &CancellationToken,
) -> Result<WorkspaceExec, WorkspaceError> {
    let running = Running::open_until(config, id, cancel).await?;
    running.touch()?;
    let cwd = request.cwd.unwrap_or_else(|| GuestPath::parse(ROOT.as_bytes()).unwrap_or_else(|_| GuestPath::root()));
    let cwd_text = String::from_utf8_lossy(cwd.as_bytes()).into_owned();
    let mut exec_request = ExecRequest {
        command: Command::Shell(request.command.clone()),
        cwd,
        env: request.env,
        timeout: request.timeout,
        sync: true,
    };
    if let Some(tree) = running.tree_on_host() {
        on_host::command(&tree, &mut exec_request)?;
    }
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
    let executed = tokio::select! {
        executed = exec(running.link(), exec_request, io).instrument(tracing::debug_span!("exec")) => executed?,
        () = cancel.cancelled() => return Err(VmError::Cancelled.into()),
    };
    let (stdout, stderr) = recorder.finish();
    let said = Said { signal: executed.signal, timed_out: executed.timed_out, ..Said::of(stdout, stderr) };
    let duration_ms = u64::try_from(executed.duration.as_millis()).unwrap_or(u64::MAX);
    let execution_mode = running.vm.execution_mode.clone();
    let recorded = running.store.insert_command(
        id,
        running.vm.id,
        &CommandRecord {
            sequence: 0,
            command: request.command.clone(),
            cwd: cwd_text.clone(),
            exit_code: executed.exit_code,
            duration_ms,
            execution_mode: execution_mode.clone(),
            recorded_at: clock::wall_seconds(),
            output: serde_json::to_string(&said).unwrap_or_default(),
        },
    )?;
    let sequence = recorded.ok_or_else(|| WorkspaceError::EndedMeanwhile {
        id,
        why: Some("it was reset or deleted under the command".to_owned()),
    })?;
    running.touch()?;
    Ok(WorkspaceExec {
        workspace_id: id,
        environment: running.workspace.environment,
        environment_version: running.workspace.environment_version,
        command: request.command,
        said,
        exit_code: executed.exit_code,
        duration_ms,
        execution_mode,
        sequence,
        cwd: cwd_text,
    })
}

impl Said {
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
            signal: None,
            timed_out: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_absolute_or_below_the_workspace() {
        for (text, expected) in [("", "/workspace"), ("a/./b", "/workspace/a/b"), ("/tmp/", "/tmp"), ("/", "/")] {
            assert_eq!(cwd(text).unwrap().as_bytes(), expected.as_bytes(), "{text:?}");
        }
        for bad in ["..", "a/../b", "/a/..", "a\0b"] {
            assert!(matches!(cwd(bad), Err(WorkspaceError::Cwd(_))), "{bad:?}");
        }
    }
}
