//! `pyro demo`: one virtual machine's life, step by step.

mod command;
mod ollama;

use super::interrupted::Interrupted;
use super::runtime::{block_on, fail, pyro};
use crate::cli::{Demo, OtherDemo};
use crate::progress::ProgressLine;
use crate::{exit, printer};
use command::{COMMAND, ENVIRONMENT, TIMEOUT_SECONDS};
use pyro_core::limits::timeout;
use pyro_core::{
    Caller, ErrorKind, ExecOptions, LineRequest, OutputTo, Pyro, PyroError, Shape, VmExec,
    VmRequest,
};
use serde::Serialize;
use serde_json::{Value, json};
use std::time::Instant;

pub(super) fn run(args: &Demo) -> i32 {
    if let Some(OtherDemo::Ollama(args)) = &args.other {
        return ollama::run(args);
    }
    let interrupted = Interrupted::default();
    let result = block_on(async {
        interrupted.watch();
        demonstrate(args, &interrupted).await
    });
    match result {
        Ok(exit_code) => exit_code,
        Err(error) => interrupted.status().unwrap_or_else(|| fail(&error, args.json, exit::FAILED)),
    }
}

/// The steps so far, shown as they are done.
struct Steps {
    quiet: bool,
    began: Instant,
    done: Vec<Value>,
}

impl Steps {
    fn done(&mut self, step: &str, result: &str) {
        let duration_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        if !self.quiet {
            printer::talk(&format!("[demo] {step}: {result} ({duration_ms} ms)"));
        }
        self.done.push(json!({ "step": step, "result": result, "duration_ms": duration_ms }));
        self.began = Instant::now();
    }
}

/// The result of the command, as `pyro run --json` has it, and the steps.
#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    run: VmExec,
    steps: Vec<Value>,
}

async fn demonstrate(args: &Demo, interrupted: &Interrupted) -> Result<i32, PyroError> {
    let pyro = pyro()?;
    let mut steps = Steps { quiet: args.json, began: Instant::now(), done: Vec::new() };
    let request = VmRequest {
        environment: ENVIRONMENT.to_owned(),
        shape: Shape::default(),
        allow_host_compat: false,
        network: args.network,
    };
    let mut line = ProgressLine::new();
    let caller = Caller::with_cancel(&interrupted.token)
        .told(move |progress| line.show(ENVIRONMENT, progress));
    let vm = pyro.create_vm(request, caller).await?;
    let id = vm.vm_id;
    let version = vm.environment_version.as_deref().unwrap_or("of the host");
    steps.done("environment", &format!("{ENVIRONMENT} {version}"));
    steps.done("create", &format!("vm {id}, {} vCPU, {} MiB", vm.vcpu_count, vm.mem_mib));
    let used = start_and_use(&pyro, id, &mut steps, interrupted).await;
    if let Err(error) = &used {
        tracing::debug!(%error, "the demonstration failed");
        // It may be gone already, or used up.
        let _ = pyro.delete_vm(id).await;
    }
    let run = used?;
    match pyro.status_vm(id).await {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            steps.done("delete", "nothing of it is left")
        }
        Err(error) => return Err(error),
        Ok(_) => return Err(PyroError::vm_stuck()),
    }
    let exit_code = if run.result.status() == 0 { exit::OK } else { exit::FAILED };
    printer::json(&Report { run, steps: steps.done });
    Ok(exit_code)
}

async fn start_and_use(
    pyro: &Pyro,
    id: pyro_core::Id,
    steps: &mut Steps,
    interrupted: &Interrupted,
) -> Result<VmExec, PyroError> {
    let started = pyro.start_vm(id, &interrupted.token).await?;
    steps.done("start", started.execution_mode.name());
    let timeout = timeout(TIMEOUT_SECONDS)?;
    let line =
        LineRequest { command: COMMAND.to_owned(), timeout, options: ExecOptions::default() };
    let run = pyro.exec_vm(id, line, None, OutputTo::Result, &interrupted.token).await?;
    steps.done(
        "exec",
        &format!(
            "{COMMAND} exits with {}: {}",
            run.result.status(),
            run.result.output.stdout.trim()
        ),
    );
    Ok(run)
}
