//! One command in a vm of its own: start, run, clear away, whatever happens in between.

use super::error::VmError;
use super::exec::{ExecIo, ExecOutcome, ExecRequest, exec};
use super::launch::{EngineLaunch, Launch};
use super::running::Leased;
use super::shape::Shape;
use super::{one_shot, paths, plan, reap};
use crate::config::Config;
use crate::environment::Progress;
use crate::id::Id;
use crate::store::Store;
use pyro_protocol::GuestPath;
use pyro_protocol::message::Command;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

/// What to run, and in what.
#[derive(Clone, Debug)]
pub struct RunRequest {
    /// Name of the environment; installed first where it is not.
    pub environment: String,
    /// A line for the guest's login shell.
    pub command: String,
    /// The vm's shape.
    pub shape: Shape,
    /// How long the command may run; the start of the vm does not count.
    pub timeout: Duration,
    /// Whether the command may run on the host where no guest can.
    pub allow_host_compat: bool,
    /// Whether the guest is to reach the network.
    pub network: bool,
}

/// How a run ended.
#[derive(Clone, Debug)]
pub struct RunOutcome {
    /// The vm that was.
    pub vm_id: Id,
    /// Version of the environment, where one was used.
    pub environment_version: Option<String>,
    /// `guest_kvm`, `guest_tcg` or `host_compat`.
    pub execution_mode: String,
    /// How the command ended.
    pub exec: ExecOutcome,
}

/// Run one command in a new vm and clear the vm away.
///
/// # Errors
/// [`VmError`]; whatever it is, nothing of the vm is left.
pub async fn run(
    config: &Config,
    request: &RunRequest,
    io: ExecIo<'_>,
    progress: &mut (dyn FnMut(Progress) + Send),
    cancel: &CancellationToken,
) -> Result<RunOutcome, VmError> {
    if request.command.trim().is_empty() {
        return Err(VmError::NoCommand);
    }
    if request.network {
        return Err(VmError::NoNetwork);
    }
    let store = Store::open(&config.data_dir)?;
    reap::clear_leftovers(config, &store)?;
    let planned = plan::plan(config, &store, &request.environment, request.shape, request.allow_host_compat, progress)
        .instrument(tracing::debug_span!("plan"));
    let plan = tokio::select! {
        plan = planned => plan?,
        () = cancel.cancelled() => return Err(VmError::Cancelled),
    };
    let environment_version = plan.environment_version.clone();
    let launch = one_shot::record(&store, &request.environment, request.shape, plan)?;
    let outcome = in_vm(config, &launch, request, io, cancel).await;
    one_shot::clear_if_abandoned(config, &store, launch.id);
    let (execution_mode, exec) = outcome?;
    Ok(RunOutcome { vm_id: launch.id, environment_version, execution_mode, exec })
}

async fn in_vm(
    config: &Config,
    launch: &Launch,
    request: &RunRequest,
    io: ExecIo<'_>,
    cancel: &CancellationToken,
) -> Result<(String, ExecOutcome), VmError> {
    let vm = tokio::select! {
        started = Leased::start(config, launch).instrument(tracing::debug_span!("start")) => started?,
        () = cancel.cancelled() => return Err(VmError::Cancelled),
    };
    let command = ExecRequest {
        command: Command::Shell(request.command.clone()),
        cwd: working_directory(config, launch),
        env: Vec::new(),
        timeout: request.timeout,
    };
    let executed = tokio::select! {
        executed = exec(&vm, command, io).instrument(tracing::debug_span!("exec")) => executed,
        () = cancel.cancelled() => Err(VmError::Cancelled),
    };
    let execution_mode = vm.execution_mode.clone();
    // Why the vm ended says more than the broken connection that told of it.
    match (vm.end().instrument(tracing::debug_span!("end")).await, executed) {
        (Ok(Some(failure)), Err(VmError::Guest(_) | VmError::Control(_))) => Err(VmError::Failed(failure)),
        (_, executed) => executed.map(|exec| (execution_mode, exec)),
    }
}

/// `/` in a guest; on the host the vm's own empty directory.
fn working_directory(config: &Config, launch: &Launch) -> GuestPath {
    use std::os::unix::ffi::OsStrExt;
    match launch.engine {
        EngineLaunch::Qemu(_) => GuestPath::root(),
        EngineLaunch::Host => GuestPath::parse(paths::vm_dir(config, launch.id).as_os_str().as_bytes())
            .unwrap_or_else(|_| GuestPath::root()),
    }
}
