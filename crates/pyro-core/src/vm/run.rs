//! One command in a vm of its own: start, run, clear away, whatever happens in between.

use super::blocking::blocking;
use super::caller::Caller;
use super::control::client::SupervisorClient;
use super::control::protocol::{EngineLaunch, Launch};
use super::control::starter::Leased;
use super::error::VmError;
use super::exec::line::LineRequest;
use super::exec::{Began, ExecIo, ExecOutcome, ExecRequest, exec_noting};
use super::failure::Failure;
use super::recover::reap;
use super::shape::Shape;
use super::standby::{Claimed, Standby};
use super::{one_shot, paths, plan};
use crate::config::Config;
use crate::environment::Progress;
use crate::execution_mode::ExecutionMode;
use crate::id::Id;
use crate::store::Store;
use crate::store::vm::VmKind;
use pyro_protocol::GuestPath;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

/// What to run, and in what.
#[derive(Clone, Debug)]
pub struct RunRequest {
    /// Name of the environment; installed first where it is not.
    pub environment: String,
    /// The command.
    pub line: LineRequest,
    /// The vm's shape.
    pub shape: Shape,
    /// Whether the command may run on the host where no guest can.
    pub allow_host_compat: bool,
    /// Whether the guest is to reach the network.
    pub network: bool,
}

impl RunRequest {
    /// A command in a machine of the default shape, in a guest, without a network.
    #[must_use]
    pub fn new(environment: impl Into<String>, command: impl Into<String>) -> Self {
        Self {
            environment: environment.into(),
            line: LineRequest::new(command),
            shape: Shape::default(),
            allow_host_compat: false,
            network: false,
        }
    }
}

/// How a run ended.
pub(crate) struct RunOutcome {
    /// The vm that was.
    pub(crate) vm_id: Id,
    /// Version of the environment, where one was used.
    pub(crate) environment_version: Option<String>,
    /// `guest_kvm`, `guest_tcg` or `host_compat`.
    pub(crate) execution_mode: ExecutionMode,
    /// How the command ended.
    pub(crate) exec: ExecOutcome,
}

/// Run one command in a new vm and clear the vm away; in one of `standby` where one fits.
///
/// # Errors
/// [`VmError`]; whatever it is, nothing of the vm is left. `began` says whether the command may have
/// begun.
pub(crate) async fn run(
    config: &Config,
    standby: Option<&Standby>,
    request: &RunRequest,
    mut io: ExecIo<'_>,
    caller: &mut Caller,
    began: &Began,
) -> Result<RunOutcome, VmError> {
    let (mut progress, cancel) = caller.parts();
    let progress = &mut progress;
    request.line.check()?;
    if request.network {
        return Err(VmError::NoNetwork);
    }
    if let Some(standby) = standby {
        while let Some(claimed) = standby.claim(&request.environment, request.shape) {
            if let Some(outcome) =
                in_claimed(config, claimed, request, io.again(), progress, cancel, began).await
            {
                return outcome;
            }
        }
    }
    let store = Store::open(&config.data_dir)?;
    reap::clear_leftovers_or_warn(config, &store);
    let planned = plan::plan(
        config,
        &store,
        &request.environment,
        request.shape,
        request.allow_host_compat,
        progress,
    )
    .instrument(tracing::debug_span!("plan"));
    let plan = tokio::select! {
        plan = planned => plan?,
        () = cancel.cancelled() => return Err(VmError::Cancelled),
    };
    let environment_version = plan.environment_version.clone();
    if let Some(standby) = standby.filter(|_| !plan.backing.is_host_tree()) {
        standby.want(&request.environment, request.shape);
    }
    let launch = one_shot::record(
        config,
        &store,
        VmKind::OneShot,
        &request.environment,
        request.shape,
        plan,
    )?;
    progress(Progress::Starting(launch.id));
    let outcome = in_vm(config, &launch, request, io, progress, cancel, began).await;
    let (id, config) = (launch.id, config.clone());
    // It may wait for a supervisor that dies, and whoever polls this has others to serve.
    blocking(move || {
        one_shot::clear_if_abandoned(&config, &store, id);
        Ok(())
    })
    .await?;
    let (execution_mode, exec) = outcome?;
    Ok(RunOutcome { vm_id: launch.id, environment_version, execution_mode, exec })
}

async fn in_vm(
    config: &Config,
    launch: &Launch,
    request: &RunRequest,
    io: ExecIo<'_>,
    progress: &mut (dyn FnMut(Progress) + Send),
    cancel: &CancellationToken,
    began: &Began,
) -> Result<(ExecutionMode, ExecOutcome), VmError> {
    let vm = tokio::select! {
        started = Leased::start(config, launch).instrument(tracing::debug_span!("start")) => started?,
        () = cancel.cancelled() => return Err(VmError::Cancelled),
    };
    progress(Progress::Running(launch.id));
    let executed =
        execute(vm.client(), request, working_directory(config, launch), io, began, cancel).await;
    let execution_mode = vm.execution_mode;
    let ended = vm.end().instrument(tracing::debug_span!("end")).await;
    let exec = executed.map_err(|error| better_reason(ended, error))?;
    Ok((execution_mode, exec))
}

/// In a vm that stood by; none when it is lost before the command could begin in it.
async fn in_claimed(
    config: &Config,
    claimed: Claimed,
    request: &RunRequest,
    io: ExecIo<'_>,
    progress: &mut (dyn FnMut(Progress) + Send),
    cancel: &CancellationToken,
    began: &Began,
) -> Option<Result<RunOutcome, VmError>> {
    let ttl = Duration::from_secs(request.shape.ttl_seconds.into());
    let awake = tokio::select! {
        awake = claimed.wake(config).instrument(tracing::debug_span!("wake")) => awake,
        () = cancel.cancelled() => Err(VmError::Cancelled),
    };
    let executed = match awake {
        Ok(()) => {
            progress(Progress::Running(claimed.id));
            let executed = execute(
                SupervisorClient::new(config, claimed.id),
                request,
                GuestPath::root(),
                io,
                began,
                cancel,
            );
            // Its supervisor knows of no end: the lifetime that was asked for begins with the
            // command.
            tokio::time::timeout(ttl, executed).await.unwrap_or_else(|_| {
                Err(VmError::Failed(Failure::expired(request.shape.ttl_seconds)))
            })
        }
        Err(VmError::Cancelled) => Err(VmError::Cancelled),
        Err(error) => return lost(claimed, &error),
    };
    match executed {
        // Nothing can reach it any more, and what is left of it is for its keeper to clear away.
        Ok(exec) => {
            let (vm_id, execution_mode) = (claimed.id, claimed.execution_mode);
            let environment_version = claimed.environment_version.clone();
            claimed.give_up();
            Some(Ok(RunOutcome { vm_id, environment_version, execution_mode, exec }))
        }
        // Its supervisor died in this very moment. An agent that refuses the command would do so in
        // every vm.
        Err(error @ VmError::Control(_)) if began.is_impossible() => lost(claimed, &error),
        Err(error) => {
            let ended = claimed.end().instrument(tracing::debug_span!("end")).await;
            Some(Err(better_reason(ended, error)))
        }
    }
}

/// A vm that ended, or answers no more, before a command began in it.
fn lost<T>(claimed: Claimed, error: &VmError) -> Option<T> {
    tracing::warn!(%error, id = %claimed.id, "a vm that stood by does not answer; another one is taken");
    claimed.give_up();
    None
}

async fn execute(
    client: SupervisorClient<'_>,
    request: &RunRequest,
    cwd: GuestPath,
    io: ExecIo<'_>,
    began: &Began,
    cancel: &CancellationToken,
) -> Result<ExecOutcome, VmError> {
    // On the host it is the vm's own directory.
    let in_guest = cwd == GuestPath::root();
    let command = ExecRequest { in_guest, ..request.line.exec_request(cwd) };
    tokio::select! {
        executed = exec_noting(client, command, io, began).instrument(tracing::debug_span!("exec")) => executed,
        () = cancel.cancelled() => Err(VmError::Cancelled),
    }
}

/// Why the vm ended says more than the broken connection that told of it.
fn better_reason(ended: Result<Option<Failure>, VmError>, error: VmError) -> VmError {
    match (ended, error) {
        (Ok(Some(failure)), VmError::Guest(_) | VmError::Control(_)) => VmError::Failed(failure),
        (_, error) => error,
    }
}

/// `/` in a guest; on the host the vm's own empty directory.
fn working_directory(config: &Config, launch: &Launch) -> GuestPath {
    use std::os::unix::ffi::OsStrExt;
    match launch.engine {
        EngineLaunch::Qemu(_) => GuestPath::root(),
        EngineLaunch::Host => {
            GuestPath::parse(paths::vm_dir(config, launch.id).as_os_str().as_bytes())
                .unwrap_or_else(|_| GuestPath::root())
        }
    }
}
