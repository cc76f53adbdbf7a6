//! `pyro demo ollama`: a model runs a command in a virtual machine by its one tool.

mod chat;
mod conversation;
mod endpoint;
mod failure;
mod lines;
mod machines;

use super::super::interrupted::Interrupted;
use super::super::runtime::{block_on, pyro};
use super::command::{COMMAND, ENVIRONMENT, TIMEOUT_SECONDS};
use crate::cli::Ollama;
use crate::exit;
use conversation::Conversation;
use endpoint::Endpoint;
use failure::Failure;
use lines::{say, say_all};
use machines::Machines;
use pyro_core::limits::timeout;
use pyro_core::{ExecOptions, LineRequest, PyroError, RunRequest, Shape, VmExec};
use std::time::Duration;

pub(super) fn run(args: &Ollama) -> i32 {
    let interrupted = Interrupted::default();
    let result = block_on(async {
        interrupted.watch();
        demonstrate(args, &interrupted).await
    });
    let told = match result {
        Ok(0) => return exit::OK,
        Ok(exit_code) => format!("the command exited with {exit_code}"),
        Err(failure) => match interrupted.status() {
            Some(status) => return status,
            None => failure.told(&args.model),
        },
    };
    say("[error] ", &told);
    exit::FAILED
}

/// The exit status of the last command that was run.
async fn demonstrate(args: &Ollama, interrupted: &Interrupted) -> Result<i32, Failure> {
    let endpoint =
        Endpoint::parse(&args.base_url, Duration::from_secs(args.timeout_seconds.into()))?;
    let machines = Machines { pyro: pyro()?, interrupted };
    say("[ollama] ", &format!("asking {} at {}", args.model, args.base_url));
    let by_model = Conversation::new(args, &endpoint, &machines).hold().await?;
    let fallback_used = by_model.is_none();
    let run = match by_model {
        Some(run) => run,
        None => fall_back(&machines).await?,
    };
    let (exit_code, mode) = (run.result.status(), run.result.execution_mode);
    say(
        "[summary] ",
        &format!("exit_code={exit_code} fallback_used={fallback_used} execution_mode={mode}"),
    );
    if args.verbose {
        say_all("[summary] stdout=", run.result.output.stdout.trim());
    }
    Ok(exit_code)
}

/// Run what the model was asked to run.
async fn fall_back(machines: &Machines<'_>) -> Result<VmExec, Failure> {
    say(
        "[fallback] ",
        &format!("the model made no usable call: running {COMMAND} in {ENVIRONMENT} without it"),
    );
    let timeout = timeout(TIMEOUT_SECONDS).map_err(PyroError::from)?;
    let request = RunRequest {
        environment: ENVIRONMENT.to_owned(),
        line: LineRequest { command: COMMAND.to_owned(), timeout, options: ExecOptions::default() },
        shape: Shape::default(),
        allow_host_compat: false,
        network: false,
    };
    let run = machines.run(request, None).await?;
    say("[done] ", "the command ran without the model");
    Ok(run)
}
