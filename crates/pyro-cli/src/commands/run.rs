//! `pyro run`: one command in a virtual machine of its own.

use super::interrupted::Interrupted;
use super::{block_on, fail, pyro};
use crate::cli::Run;
use crate::progress::ProgressLine;
use crate::{exit, printer};
use pyro_core::PyroError;
use pyro_core::vm::exec::{ExecIo, ExecOutcome};
use pyro_core::vm::output::{Capture, CapturedOutput};
use pyro_core::vm::shape::{Shape, timeout};
use pyro_core::vm::{RunOutcome, RunRequest, VmError};
use serde_json::json;

/// Bytes of each stream that `--json` keeps: half from its start, half from its end.
const JSON_OUTPUT_LIMIT: usize = 1024 * 1024;

pub(super) fn run(args: Run) -> i32 {
    let as_json = args.json;
    let request = match request(args) {
        Ok(request) => request,
        Err(error) => return fail(&error, as_json, exit::RUN_FAILED),
    };
    let interrupted = Interrupted::default();
    let result = block_on(async {
        interrupted.watch();
        if as_json { captured(&request, &interrupted).await } else { streamed(&request, &interrupted).await }
    });
    match result {
        Ok(exit_code) => exit_code,
        Err(_) if interrupted.status().is_some() => interrupted.status().unwrap_or(exit::RUN_FAILED),
        // Like any filter whose reader went away.
        Err(error) if error.is_closed_output() => 128 + libc_sigpipe(),
        Err(error) => fail(&error, as_json, exit::RUN_FAILED),
    }
}

fn libc_sigpipe() -> i32 {
    rustix::process::Signal::PIPE.as_raw()
}

fn request(args: Run) -> Result<RunRequest, PyroError> {
    Ok(RunRequest {
        environment: args.environment,
        command: command_line(&args.command),
        shape: Shape::new(args.vcpu_count, args.mem_mib, args.ttl_seconds).map_err(VmError::from)?,
        timeout: timeout(args.timeout_seconds).map_err(VmError::from)?,
        allow_host_compat: args.allow_host_compat,
        network: args.network,
    })
}

/// One argument is a line for the shell as it is; several are quoted and joined.
fn command_line(words: &[String]) -> String {
    match words {
        [line] => line.clone(),
        words => shell_words::join(words),
    }
}

async fn streamed(request: &RunRequest, interrupted: &Interrupted) -> Result<i32, PyroError> {
    let (mut stdin, mut stdout, mut stderr) = (tokio::io::stdin(), tokio::io::stdout(), tokio::io::stderr());
    let io = ExecIo { stdin: Some(&mut stdin), stdout: &mut stdout, stderr: &mut stderr };
    let outcome = execute(request, io, interrupted).await?;
    printer::talk(&format!(
        "[run] environment={} execution_mode={} exit_code={} duration_ms={}",
        request.environment,
        outcome.execution_mode,
        outcome.exec.exit_code,
        outcome.exec.duration.as_millis()
    ));
    if outcome.exec.timed_out {
        printer::talk(&format!(
            "[run] the command was killed after {} s; allow more with --timeout-seconds",
            request.timeout.as_secs()
        ));
    }
    Ok(outcome.exec.exit_code)
}

async fn captured(request: &RunRequest, interrupted: &Interrupted) -> Result<i32, PyroError> {
    let (mut stdout, mut stderr) = (Capture::new(JSON_OUTPUT_LIMIT), Capture::new(JSON_OUTPUT_LIMIT));
    let mut stdin = tokio::io::stdin();
    let io = ExecIo { stdin: Some(&mut stdin), stdout: &mut stdout, stderr: &mut stderr };
    let outcome = execute(request, io, interrupted).await?;
    printer::json(&report(request, &outcome, stdout.into_output(), stderr.into_output()));
    Ok(outcome.exec.exit_code)
}

async fn execute(request: &RunRequest, io: ExecIo<'_>, interrupted: &Interrupted) -> Result<RunOutcome, PyroError> {
    let mut line = ProgressLine::new();
    pyro()?.run(request, io, &mut |progress| line.show(&request.environment, progress), &interrupted.token).await
}

/// The reference's fields, and what it leaves out: whether the time was over, and whether the output is whole.
fn report(
    request: &RunRequest,
    outcome: &RunOutcome,
    stdout: CapturedOutput,
    stderr: CapturedOutput,
) -> serde_json::Value {
    let ExecOutcome { exit_code, signal, timed_out, duration, .. } = &outcome.exec;
    json!({
        "vm_id": outcome.vm_id,
        "environment": request.environment,
        "environment_version": outcome.environment_version,
        "command": request.command,
        "stdout": stdout.text,
        "stdout_encoding": stdout.encoding,
        "stdout_truncated": stdout.truncated,
        "stdout_bytes": stdout.bytes,
        "stderr": stderr.text,
        "stderr_encoding": stderr.encoding,
        "stderr_truncated": stderr.truncated,
        "stderr_bytes": stderr.bytes,
        "exit_code": exit_code,
        "signal": signal,
        "timed_out": timed_out,
        "duration_ms": u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
        "execution_mode": outcome.execution_mode,
        "cleanup": { "vm_id": outcome.vm_id, "deleted": true, "reason": "post_exec_cleanup" },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_argument_is_a_line_and_several_are_quoted() {
        let words = |words: &[&str]| command_line(&words.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(words(&["a && b"]), "a && b");
        assert_eq!(words(&["sh", "-c", "exit 7"]), "sh -c 'exit 7'");
        assert_eq!(words(&["git", "--version"]), "git --version");
        assert_eq!(words(&[]), "");
    }
}
