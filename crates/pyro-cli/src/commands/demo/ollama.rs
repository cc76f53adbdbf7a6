//! `pyro demo ollama`: a model runs a command in a virtual machine by its one tool.

mod chat;
mod conversation;
mod endpoint;
mod lines;

use super::super::interrupted::Interrupted;
use super::super::{block_on, pyro};
use super::{COMMAND, ENVIRONMENT, TIMEOUT_SECONDS};
use crate::cli::Ollama;
use crate::exit;
use crate::progress::ProgressLine;
use conversation::Conversation;
use endpoint::{Endpoint, EndpointError};
use lines::{say, say_all};
use pyro_contract::CommandLine;
use pyro_core::vm::output::OutputTo;
use pyro_core::vm::shape::{Shape, timeout};
use pyro_core::vm::{Caller, ExecOptions, LineRequest, RunRequest, VmError, VmExec};
use pyro_core::{Pyro, PyroError, worded};
use std::error::Error;
use std::iter::successors;
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
    let endpoint = Endpoint::parse(&args.base_url, Duration::from_secs(args.timeout_seconds.into()))?;
    let machines = Machines { pyro: pyro()?, interrupted };
    say("[ollama] ", &format!("asking {} at {}", args.model, args.base_url));
    let by_model = Conversation::new(args, &endpoint, &machines).hold().await?;
    let fallback_used = by_model.is_none();
    let run = match by_model {
        Some(run) => run,
        None => fall_back(&machines).await?,
    };
    let (exit_code, mode) = (run.result.status(), run.result.execution_mode);
    say("[summary] ", &format!("exit_code={exit_code} fallback_used={fallback_used} execution_mode={mode}"));
    if args.verbose {
        say_all("[summary] stdout=", run.result.output.stdout.trim());
    }
    Ok(exit_code)
}

/// Run what the model was asked to run.
async fn fall_back(machines: &Machines<'_>) -> Result<VmExec, Failure> {
    say("[fallback] ", &format!("the model made no usable call: running {COMMAND} in {ENVIRONMENT} without it"));
    let timeout = timeout(TIMEOUT_SECONDS).map_err(|error| PyroError::from(VmError::from(error)))?;
    let request = RunRequest {
        environment: ENVIRONMENT.to_owned(),
        line: LineRequest { command: COMMAND.to_owned(), timeout, options: ExecOptions::default() },
        shape: Shape::default(),
        allow_host_compat: false,
        network: false,
    };
    let run = machines.run(&request, None).await?;
    say("[done] ", "the command ran without the model");
    Ok(run)
}

/// Where commands are run.
struct Machines<'a> {
    pyro: Pyro,
    interrupted: &'a Interrupted,
}

impl Machines<'_> {
    async fn run(&self, request: &RunRequest, stdin: Option<&str>) -> Result<VmExec, PyroError> {
        let mut stdin = stdin.map(str::as_bytes);
        let stdin = stdin.as_mut().map(|stdin| stdin as _);
        let mut line = ProgressLine::new();
        let caller =
            Caller::with_cancel(&self.interrupted.token).told(|progress| line.show(&request.environment, progress));
        self.pyro.run(request, stdin, OutputTo::Result, caller).await
    }
}

/// What the demonstration fails of.
enum Failure {
    Endpoint(EndpointError),
    Pyro(PyroError),
    Interrupted,
}

impl Failure {
    /// What happened, why, and what to do about it.
    fn told(&self, model: &str) -> String {
        match self {
            Self::Endpoint(error) => {
                let causes = successors(error.source(), |cause| (*cause).source()).map(ToString::to_string).collect();
                in_words(error.to_string(), causes, Some(&error.hint(model)))
            }
            Self::Pyro(error) => {
                let hint = worded(error.hints(), &CommandLine::default());
                in_words(error.to_string(), error.causes(), hint.as_deref())
            }
            Self::Interrupted => "interrupted".to_owned(),
        }
    }
}

fn in_words(error: String, causes: Vec<String>, hint: Option<&str>) -> String {
    let hint = hint.map(|hint| format!("; hint: {hint}")).unwrap_or_default();
    format!("{}{hint}", [vec![error], causes].concat().join(": "))
}

impl From<EndpointError> for Failure {
    fn from(error: EndpointError) -> Self {
        Self::Endpoint(error)
    }
}

impl From<PyroError> for Failure {
    fn from(error: PyroError) -> Self {
        Self::Pyro(error)
    }
}
