//! One command in a vm of its own: start, run, clear away, whatever happens in between.

use super::error::VmError;
use super::exec::{ExecIo, ExecOutcome, ExecRequest, exec};
use super::launch::{EngineLaunch, Launch};
use super::running::Leased;
use super::shape::Shape;
use super::{paths, plan, reap};
use crate::config::Config;
use crate::environment::Progress;
use crate::host::clock;
use crate::host::process::{self, ProcessId};
use crate::id::Id;
use crate::store::Store;
use crate::store::vm::{VmKind, VmRecord, VmState};
use pyro_protocol::GuestPath;
use pyro_protocol::message::Command;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

/// How long a supervisor that closed its sockets may take to be gone.
const DEATH_LIMIT: Duration = Duration::from_secs(5);

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
    let record = record(request, plan.environment_version.clone())?;
    store.insert_vm(&record)?;
    let launch = Launch {
        id: record.id,
        shape: request.shape,
        expires_at: record.expires_at,
        engine: plan.engine,
        leased: true,
    };
    let outcome = in_vm(config, &launch, request, io, cancel).await;
    clear_if_abandoned(config, &store, record.id);
    let (execution_mode, exec) = outcome?;
    Ok(RunOutcome { vm_id: record.id, environment_version: plan.environment_version, execution_mode, exec })
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

fn record(request: &RunRequest, environment_version: Option<String>) -> Result<VmRecord, VmError> {
    let created_at = clock::wall_seconds();
    Ok(VmRecord {
        id: Id::random()?,
        kind: VmKind::OneShot,
        environment: request.environment.clone(),
        environment_version,
        vcpu_count: request.shape.vcpu_count,
        mem_mib: request.shape.mem_mib,
        ttl_seconds: request.shape.ttl_seconds,
        created_at,
        expires_at: created_at + f64::from(request.shape.ttl_seconds),
        state: VmState::Starting,
        execution_mode: "pending".to_owned(),
        boot_id: process::boot_id(),
        owner: ProcessId::current(),
        supervisor: None,
        engine: None,
    })
}

/// A supervisor clears away its own vm; this is for one that was killed, or that never came to be.
fn clear_if_abandoned(config: &Config, store: &Store, id: Id) {
    let vm = match store.vm(id) {
        Ok(Some(vm)) => vm,
        Ok(None) => return,
        Err(error) => return tracing::warn!(%error, "cannot look for leftovers"),
    };
    // A dying process closes its sockets a moment before it is gone.
    if vm.supervisor.is_some_and(|supervisor| !supervisor.wait_gone(DEATH_LIMIT)) {
        return;
    }
    if let Err(error) = reap::clear_vm(config, store, &vm) {
        tracing::warn!(%error, "leftovers wait for the next command");
    }
}
