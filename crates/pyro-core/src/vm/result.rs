//! The result of a command: how it ended, and its output; one shape for `run`, vms, workspaces and
//! their history.

use super::exec::ExecOutcome;
use super::output::{OutputName, Recorded};
use crate::execution_mode::ExecutionMode;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The output of a command: the text that fits in a result, and where the whole is.
///
/// The names are those of the contract; `*_encoding`, `*_truncated`, `*_bytes`, `*_file` and
/// `*_base64` are ours.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandOutput {
    /// Standard output as text, at most [`crate::config::InlineOutput::EACH`] and a mark where bytes were
    /// left out. Empty where the caller was handed the output as it came and none was kept.
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
    /// Length of the whole stream in bytes.
    pub stdout_bytes: u64,
    /// As `stdout_bytes`.
    pub stderr_bytes: u64,
    /// The name by which [`crate::Pyro::read_output`] pages through the stream, where bytes were
    /// left out, or were replaced and are not in `stdout_base64`.
    pub stdout_file: Option<OutputName>,
    /// As `stdout_file`.
    pub stderr_file: Option<OutputName>,
    /// All bytes in base64, where invalid ones were replaced and there are at most
    /// [`crate::limits::MAX_BASE64_OUTPUT`]; not kept in the history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdout_base64: Option<String>,
    /// As `stdout_base64`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stderr_base64: Option<String>,
}

impl CommandOutput {
    /// What was recorded of stdout and stderr.
    pub(crate) fn of((stdout, stderr): (Recorded, Recorded)) -> Self {
        Self {
            stdout: stdout.output.text,
            stderr: stderr.output.text,
            stdout_encoding: stdout.output.encoding.to_owned(),
            stderr_encoding: stderr.output.encoding.to_owned(),
            stdout_truncated: stdout.output.truncated,
            stderr_truncated: stderr.output.truncated,
            stdout_bytes: stdout.output.bytes,
            stderr_bytes: stderr.output.bytes,
            stdout_file: stdout.file,
            stderr_file: stderr.file,
            stdout_base64: stdout.output.base64,
            stderr_base64: stderr.output.base64,
        }
    }

    /// The files that hold what was left out.
    pub(crate) fn files(&self) -> impl Iterator<Item = &OutputName> {
        self.stdout_file.iter().chain(&self.stderr_file)
    }

    /// Each stream's file and length.
    #[must_use]
    pub fn kept(&self) -> [(&Option<OutputName>, u64); 2] {
        [(&self.stdout_file, self.stdout_bytes), (&self.stderr_file, self.stderr_bytes)]
    }
}

/// How a command ended, and its output. `signal`, `timed_out` and `out_of_memory` are not in the
/// contract.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CommandResult {
    /// The command as given.
    pub command: String,
    /// Its output.
    #[serde(flatten)]
    pub output: CommandOutput,
    /// Exit status as a shell has it: the command's own, 128+n when signal n ended it, 124 when its
    /// time was over, 126 or 127 when it could not be executed. None where the command has not
    /// ended, or nobody knows how.
    pub exit_code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Whether it was killed because its time was over.
    pub timed_out: bool,
    /// Name of the process that the guest's kernel killed meanwhile for lack of memory, the last of
    /// several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub out_of_memory: Option<String>,
    /// Wall time in milliseconds.
    pub duration_ms: u64,
    /// What executed it.
    pub execution_mode: ExecutionMode,
}

impl CommandResult {
    /// The result of `command`, which came to its end.
    pub(crate) fn of(
        command: &str,
        execution_mode: ExecutionMode,
        ended: ExecOutcome,
        output: CommandOutput,
    ) -> Self {
        Self {
            command: command.to_owned(),
            output,
            exit_code: Some(ended.exit_code),
            signal: ended.signal,
            timed_out: ended.timed_out,
            out_of_memory: ended.out_of_memory,
            duration_ms: millis(ended.duration),
            execution_mode,
        }
    }

    /// The exit status; 125, pyro's own, where there is none.
    #[must_use]
    pub fn status(&self) -> i32 {
        self.exit_code.unwrap_or(125)
    }
}

pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
