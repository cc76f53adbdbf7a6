//! The facade's operations of one command in a vm of its own.

use super::Pyro;
use super::operation_future::OperationFuture;
use crate::error::PyroError;
use crate::vm::exec::Began;
use crate::vm::info::{VmDeleted, VmExec};
use crate::vm::io::{ExecIo, Stdin, Terminal};
use crate::vm::output::{OutputTo, Recorder};
use crate::vm::result::{CommandOutput, CommandResult};
use crate::vm::run::{self, RunOutcome};
use crate::vm::{Caller, RunRequest};

impl Pyro {
    /// Run one command in a vm of its own and delete the vm.
    ///
    /// # Errors
    /// Whatever it is, nothing of the vm is left.
    pub fn run(
        &self,
        request: RunRequest,
        mut stdin: Stdin,
        output: OutputTo,
        caller: Caller,
    ) -> OperationFuture<VmExec> {
        let (config, standby) = (self.config.clone(), self.standby.clone());
        let cancel = caller.cancel.clone();
        OperationFuture::cancellable(&self.under_way, &cancel, async move |cancel| {
            let (mut caller, standby) = (caller.cancelled_by(cancel), standby.as_ref());
            let mut recorder = Recorder::new(&config, output);
            let io = recorder.io(&mut stdin);
            let began = Began::default();
            let ran = run::run(&config, standby, &request, io, &mut caller, &began)
                .await
                .map_err(|error| PyroError::from(error).of_command(&began))?;
            Ok(told(request, ran, CommandOutput::of(recorder.finish())))
        })
    }

    /// Run one command in a vm of its own, on a terminal that stands for one of the host's, and
    /// delete the vm. The result holds none of what was shown.
    ///
    /// # Errors
    /// Whatever it is, nothing of the vm is left.
    pub fn run_on_terminal(
        &self,
        request: RunRequest,
        terminal: Terminal,
        caller: Caller,
    ) -> OperationFuture<VmExec> {
        let (config, standby) = (self.config.clone(), self.standby.clone());
        let cancel = caller.cancel.clone();
        OperationFuture::cancellable(&self.under_way, &cancel, async move |cancel| {
            let (mut caller, standby) = (caller.cancelled_by(cancel), standby.as_ref());
            let Terminal { mut input, mut output, sizes } = terminal;
            // A terminal has one output for both.
            let mut stderr = tokio::io::sink();
            let (stdin, sizes) = (Some(&mut *input as _), Some(sizes));
            let io = ExecIo { stdin, stdout: &mut *output, stderr: &mut stderr, sizes };
            let began = Began::default();
            let ran = run::run(&config, standby, &request, io, &mut caller, &began)
                .await
                .map_err(|error| PyroError::from(error).of_command(&began))?;
            Ok(told(request, ran, CommandOutput::default()))
        })
    }
}

/// What is told of a command that ran in a vm of its own.
fn told(request: RunRequest, ran: RunOutcome, output: CommandOutput) -> VmExec {
    VmExec {
        vm_id: ran.vm_id,
        environment: request.environment,
        environment_version: ran.environment_version,
        result: CommandResult::of(&request.line.command, ran.execution_mode, ran.exec, output),
        cleanup: VmDeleted::after_exec(ran.vm_id),
    }
}
