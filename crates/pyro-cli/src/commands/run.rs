//! `pyro run`: one command in a virtual machine of its own.

use super::interrupted::Interrupted;
use super::line::{self, hands_stdin_on};
use super::output;
use super::runtime::{block_on, fail, pyro};
use super::terminal;
use crate::cli::Run;
use crate::progress::ProgressLine;
use crate::{exit, printer, streams};
use pyro_core::{Caller, ExecOptions, OutputTo, Progress, PyroError, RunRequest, Shape, Variable};
use std::time::Duration;

pub(super) fn run(args: Run) -> i32 {
    printer::fail_with(exit::RUN_FAILED);
    if args.tty && !terminal::is_there() {
        return terminal::tell_of_none("without -t the command has pipes");
    }
    let (as_json, on_terminal) = (args.json, args.tty);
    let with_stdin = hands_stdin_on(&args.line);
    let request = match request(args) {
        Ok(request) => request,
        Err(error) => return fail(&error, as_json, exit::RUN_FAILED),
    };
    let interrupted = Interrupted::default();
    let result = block_on(async {
        interrupted.watch();
        if on_terminal {
            attached(request, &interrupted).await
        } else if as_json {
            captured(request, with_stdin, &interrupted).await
        } else {
            streamed(request, with_stdin, &interrupted).await
        }
    });
    match result {
        Ok(exit_code) => exit_code,
        Err(_) if interrupted.status().is_some() => {
            interrupted.status().unwrap_or(exit::RUN_FAILED)
        }
        // Like any filter whose reader went away.
        Err(error) if error.is_closed_output() => exit::CLOSED_OUTPUT,
        Err(error) => fail(&error, as_json, exit::RUN_FAILED),
    }
}

fn request(args: Run) -> Result<RunRequest, PyroError> {
    Ok(RunRequest {
        environment: args.environment,
        line: line::request(args.line, ExecOptions::parse)?,
        shape: Shape::new(args.machine.vcpu_count, args.machine.mem_mib, args.ttl_seconds)?,
        allow_host_compat: args.allow_host_compat,
        network: args.network,
    })
}

/// Longer than anybody sits at a terminal.
const NO_LIMIT: Duration = Duration::from_secs(365 * 24 * 60 * 60);

async fn attached(mut request: RunRequest, interrupted: &Interrupted) -> Result<i32, PyroError> {
    request.line.timeout = NO_LIMIT;
    let term = Variable::new("TERM", "xterm-256color");
    request.line.options = request.line.options.with_default(term);
    let (mut line, environment) = (ProgressLine::new(), request.environment.clone());
    let result = {
        let attached = terminal::Attached::whole();
        let caller = Caller::with_cancel(&interrupted.token).told(move |progress| {
            // What is told before is told to a person; from here on the terminal is the guest's.
            let is_running = matches!(progress, Progress::Running(_));
            line.show(&environment, progress);
            if is_running {
                terminal::make_raw();
            }
        });
        pyro()?.run_on_terminal(request, attached.terminal(), caller).await?.result
    };
    tell_of_memory("run", result.out_of_memory.as_deref(), MORE_MEMORY);
    Ok(result.status())
}

async fn streamed(
    request: RunRequest,
    with_stdin: bool,
    interrupted: &Interrupted,
) -> Result<i32, PyroError> {
    let (environment, timeout) = (request.environment.clone(), request.line.timeout);
    phase(&format!("create environment={environment}"));
    let (mut line, installed) = (ProgressLine::new(), environment.clone());
    let caller = Caller::with_cancel(&interrupted.token).told(move |progress| {
        match &progress {
            Progress::Starting(id) => phase(&format!("start vm_id={id}")),
            Progress::Running(id) => phase(&format!("execute vm_id={id}")),
            _ => {}
        }
        line.show(&installed, progress);
    });
    let stdin = with_stdin.then(streams::stdin);
    let result = pyro()?.run(request, stdin, streams::output(), caller).await?.result;
    printer::talk(&format!(
        "[run] environment={environment} execution_mode={} exit_code={} duration_ms={}",
        result.execution_mode,
        result.status(),
        result.duration_ms
    ));
    tell_of_memory("run", result.out_of_memory.as_deref(), MORE_MEMORY);
    if result.timed_out {
        printer::talk(&format!(
            "[run] the command was killed after {} s; allow more with --timeout-seconds",
            timeout.as_secs()
        ));
    }
    Ok(result.status())
}

/// What gives one command more memory.
const MORE_MEMORY: &str = "give it more with --mem-mib";

/// Say that memory was full, and what to do about it: `advice`; `topic` stands in front of the
/// line.
pub(super) fn tell_of_memory(topic: &str, killed: Option<&str>, advice: &str) {
    if let Some(name) = killed {
        printer::talk(&format!(
            "[{topic}] the guest ran out of memory and its kernel killed {name}; {advice}"
        ));
    }
}

async fn captured(
    request: RunRequest,
    with_stdin: bool,
    interrupted: &Interrupted,
) -> Result<i32, PyroError> {
    let (mut line, environment) = (ProgressLine::new(), request.environment.clone());
    let caller = Caller::with_cancel(&interrupted.token)
        .told(move |progress| line.show(&environment, progress));
    let stdin = with_stdin.then(streams::stdin);
    let run = pyro()?.run(request, stdin, OutputTo::Result, caller).await?;
    printer::json(&run);
    output::hint(run.result.output.kept());
    tell_of_memory("run", run.result.out_of_memory.as_deref(), MORE_MEMORY);
    Ok(run.result.status())
}

/// Tell a program that follows; a person is shown a bar where something takes its time.
fn phase(what: &str) {
    if !printer::is_watched() {
        printer::talk(&format!("[run] phase={what}"));
    }
}
