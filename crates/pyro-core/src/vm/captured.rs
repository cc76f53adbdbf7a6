//! A command's result with its output in it, as surfaces give it to programs and models.

use super::info::{VmDeleted, VmExecOutcome};
use super::output::{OutputName, Recorded};
use super::run::RunOutcome;
use crate::execution_mode::ExecutionMode;
use crate::id::Id;
use serde::Serialize;

/// How a command in a vm ended, and what it said. The names are those of the contract; `*_encoding`, `*_truncated`,
/// `*_bytes`, `*_file`, `*_base64`, `signal` and `timed_out` are ours.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CapturedRun {
    /// The vm that was.
    pub vm_id: Id,
    /// Name of its environment.
    pub environment: String,
    /// Version of that environment, where one was used.
    pub environment_version: Option<String>,
    /// The command as given.
    pub command: String,
    /// Its standard output as text, at most [`super::output::INLINE_LIMIT`] and a mark where bytes were left out.
    pub stdout: String,
    /// `utf-8`, or `utf-8-replaced` where invalid bytes were replaced.
    pub stdout_encoding: &'static str,
    /// Whether bytes were left out.
    pub stdout_truncated: bool,
    /// Bytes that it had as a whole.
    pub stdout_bytes: u64,
    /// The output that [`crate::Pyro::read_output`] pages through, where bytes were left out, or replaced and not in
    /// `stdout_base64`.
    pub stdout_file: Option<OutputName>,
    /// All its bytes in base64, where invalid ones were replaced and it is short.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stdout_base64: Option<String>,
    /// As `stdout`, for standard error.
    pub stderr: String,
    /// As `stdout_encoding`.
    pub stderr_encoding: &'static str,
    /// As `stdout_truncated`.
    pub stderr_truncated: bool,
    /// As `stdout_bytes`.
    pub stderr_bytes: u64,
    /// As `stdout_file`.
    pub stderr_file: Option<OutputName>,
    /// As `stdout_base64`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stderr_base64: Option<String>,
    /// What a shell would say: its code, 128+n for a signal, 124 on timeout, 126 or 127 when it could not be executed.
    pub exit_code: i32,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Whether it was killed because its time was over.
    pub timed_out: bool,
    /// The process that the kernel killed meanwhile, the last where it was several, because the guest's memory was full.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub out_of_memory: Option<String>,
    /// Wall time of the command, in milliseconds.
    pub duration_ms: u64,
    /// `guest_kvm`, `guest_tcg` or `host_compat`.
    pub execution_mode: ExecutionMode,
    /// That the vm is gone.
    pub cleanup: VmDeleted,
}

impl CapturedRun {
    /// The result of `command` with its recorded outputs: stdout and stderr.
    #[must_use]
    pub fn of(command: &str, outcome: VmExecOutcome, outputs: (Recorded, Recorded)) -> Self {
        let (stdout, stderr) = outputs;
        Self {
            vm_id: outcome.vm_id,
            environment: outcome.environment,
            environment_version: outcome.environment_version,
            command: command.to_owned(),
            stdout: stdout.output.text,
            stdout_encoding: stdout.output.encoding,
            stdout_truncated: stdout.output.truncated,
            stdout_bytes: stdout.output.bytes,
            stdout_file: stdout.file,
            stdout_base64: stdout.output.base64,
            stderr: stderr.output.text,
            stderr_encoding: stderr.output.encoding,
            stderr_truncated: stderr.output.truncated,
            stderr_bytes: stderr.output.bytes,
            stderr_file: stderr.file,
            stderr_base64: stderr.output.base64,
            exit_code: outcome.exec.exit_code,
            signal: outcome.exec.signal,
            timed_out: outcome.exec.timed_out,
            out_of_memory: outcome.exec.out_of_memory,
            duration_ms: u64::try_from(outcome.exec.duration.as_millis()).unwrap_or(u64::MAX),
            execution_mode: outcome.execution_mode,
            cleanup: VmDeleted::after_exec(outcome.vm_id),
        }
    }
}

impl RunOutcome {
    /// As the outcome of a command in a vm of this environment.
    #[must_use]
    pub fn in_environment(self, environment: &str) -> VmExecOutcome {
        VmExecOutcome {
            vm_id: self.vm_id,
            environment: environment.to_owned(),
            environment_version: self.environment_version,
            execution_mode: self.execution_mode,
            exec: self.exec,
        }
    }
}
