//! Creating a workspace: a started vm, its files, and the layer that a reset goes back to.

use super::claim::Claimed;
use super::ended::explained;
use super::error::WorkspaceError;
use super::file_error::FileError;
use super::files::baseline;
use super::files::seed::{self, SeedRequest};
use super::info::WorkspaceInfo;
use super::paths::ROOT;
use super::secret_error::SecretError;
use super::secrets::{self, GivenSecret};
use super::source::{Ignore, Source};
use super::update::lifetime;
use super::{label, on_host, reconcile, running, start, status};
use crate::backing::Backing;
use crate::config::Config;
use crate::guest::client::ClientError;
use crate::guest::patience::Patient;
use crate::host::process::{self, ProcessId};
use crate::host::{clock, fs};
use crate::id::Id;
use crate::store::Store;
use crate::store::layer::NewLayer;
use crate::store::vm::{VmKind, VmRecord, VmState};
use crate::store::workspace::{SeedRecord, WorkspaceChange, WorkspaceRecord};
use crate::vm::caller::Caller;
use crate::vm::control::client::SupervisorClient;
use crate::vm::control::protocol::EngineLaunch;
use crate::vm::plan::{self, record};
use crate::vm::shape::{Shape, limits};
use crate::vm::{VmError, blocking, paths};
use pyro_protocol::message::{Failure, FailureKind};
use std::collections::BTreeMap;
use tracing::Instrument;

/// What to create.
#[derive(Clone, Debug)]
pub struct CreateRequest {
    /// Name of the environment; installed first where it is not.
    pub environment: String,
    /// Virtual CPUs.
    pub vcpu_count: u32,
    /// Memory in MiB.
    pub mem_mib: u32,
    /// Lifetime from the last activity, in seconds; 0: none.
    pub ttl_seconds: u32,
    /// What its user calls it.
    pub name: Option<String>,
    /// What it is found by.
    pub labels: BTreeMap<String, String>,
    /// What it is first filled with; nothing where none is given.
    pub seed: Option<SeedRequest>,
    /// What processes in it may be given, and nobody is to see.
    pub secrets: Vec<GivenSecret>,
    /// Whether it may be a directory of the host where no guest can be had, with commands that run
    /// as the caller.
    pub allow_host_compat: bool,
}

impl CreateRequest {
    /// An empty workspace of the default shape, in a guest, without a name.
    #[must_use]
    pub fn new(environment: impl Into<String>) -> Self {
        Self {
            environment: environment.into(),
            vcpu_count: limits::DEFAULT_VCPU_COUNT,
            mem_mib: limits::DEFAULT_MEM_MIB,
            ttl_seconds: limits::DEFAULT_TTL_SECONDS,
            name: None,
            labels: BTreeMap::new(),
            seed: None,
            secrets: Vec::new(),
            allow_host_compat: false,
        }
    }
}

/// Create a workspace and start it.
///
/// # Errors
/// [`WorkspaceError`]; whatever it is, there is no workspace.
pub async fn create(
    config: &Config,
    request: &CreateRequest,
    caller: &mut Caller,
) -> Result<WorkspaceInfo, WorkspaceError> {
    let (mut progress, cancel) = caller.parts();
    let shape = shape(request)?;
    let name = request.name.as_deref().map(label::name).transpose()?;
    let labels = label::labels(&request.labels)?;
    secrets::checked(&request.secrets)?;
    let source = match &request.seed {
        Some(seed) => Some(looked_at(seed.clone()).await?),
        None => None,
    };
    let store = Store::open(&config.data_dir)?;
    reconcile::reconcile(config, &store)?;
    let planned = plan::plan(
        config,
        &store,
        &request.environment,
        shape,
        request.allow_host_compat,
        &mut progress,
    );
    let plan = tokio::select! {
        plan = planned => plan.map_err(unplanned)?,
        () = cancel.cancelled() => return Err(VmError::Cancelled.into()),
    };
    let backing = plan.backing.clone();
    if backing.is_host_tree() && !request.secrets.is_empty() {
        return Err(SecretError::OnHost.into());
    }
    let disk_bytes = disk_bytes(&plan.engine)?;
    let now = clock::now();
    let id = Id::random().map_err(VmError::from)?;
    let mut vm =
        record::new(VmKind::Workspace, VmState::Created, &request.environment, shape, &plan)
            .map_err(VmError::from)?;
    vm.expires_at = running::expiry(request.ttl_seconds, now);
    let first = NewLayer {
        id: Id::random().map_err(VmError::from)?,
        parent: None,
        backing,
        created_at: now,
    };
    let unnamed = claimed_record(id, request, &vm, &first);
    let workspace = WorkspaceRecord { name, labels, ..unnamed };
    fs::private_dir(&paths::layers_dir(config))?;
    store.insert_workspace(&workspace, &first)?;
    // From here on everything is removed unless it comes to its end.
    let claimed = Claimed::new(config, &store, id);
    secrets::keep(config, id, &request.secrets)?;
    if first.backing.is_host_tree() {
        on_host::begin(config, first.id)?;
    }
    store.insert_vm(&vm, None)?;
    let vm = start::start_vm(config, &store, &workspace, vm, first.id, cancel)
        .instrument(tracing::debug_span!("start"))
        .await?;
    let seed = tokio::select! {
        seed = filled(config, id, vm.id, source, disk_bytes) => seed?,
        () = cancel.cancelled() => return Err(VmError::Cancelled.into()),
    };
    let kept = match first.backing {
        Backing::Image(_) => {
            let closing = close(config, vm.id, &first).instrument(tracing::debug_span!("close"));
            explained(config, id, closing).await?;
            None
        }
        Backing::HostTree => Some(on_host::keep(config, &store, id, first.id, cancel).await?),
    };
    claimed.give_back(|workspace| {
        (workspace.vm, workspace.next_vm) = (workspace.next_vm, None);
        // That of a guest was noted by its supervisor.
        (workspace.baseline_layer, workspace.next_layer) =
            (kept.or(workspace.baseline_layer), None);
        workspace.seed = seed.clone();
    })?;
    status::told(config, &store, id)
}

/// The record of a new workspace without a name, claimed by this process, that is to run in `vm` on
/// the layer `first`.
fn claimed_record(
    id: Id,
    request: &CreateRequest,
    vm: &VmRecord,
    first: &NewLayer,
) -> WorkspaceRecord {
    WorkspaceRecord {
        id,
        name: None,
        labels: BTreeMap::new(),
        environment: vm.environment.clone(),
        environment_version: vm.environment_version.clone(),
        vcpu_count: vm.vcpu_count,
        mem_mib: vm.mem_mib,
        ttl_seconds: request.ttl_seconds,
        allow_host_compat: request.allow_host_compat,
        created_at: first.created_at,
        last_activity_at: first.created_at,
        expires_at: vm.expires_at,
        seed: empty_seed(),
        vm: None,
        top_layer: Some(first.id),
        baseline_layer: None,
        next_vm: Some(vm.id),
        next_layer: None,
        command_count: 0,
        reset_count: 0,
        last_reset_at: None,
        change: Some(WorkspaceChange::Creating),
        owner: Some(ProcessId::current()),
        boot_id: process::boot_id(),
        revision: 0,
    }
}

/// Whoever creates one may do without an engine.
fn unplanned(error: VmError) -> WorkspaceError {
    match error {
        VmError::Engine(error) => WorkspaceError::NoEngine(error),
        error => error.into(),
    }
}

/// Size of a guest's disk, which is that of its image.
fn disk_bytes(engine: &EngineLaunch) -> Result<Option<u64>, WorkspaceError> {
    match engine {
        EngineLaunch::Qemu(qemu) => Ok(Some(fs::metadata(&qemu.image)?.len())),
        EngineLaunch::Host => Ok(None),
    }
}

/// A guest's disk has one size, whatever is to go on it.
fn unfilled(error: WorkspaceError, disk_bytes: Option<u64>) -> WorkspaceError {
    match error {
        WorkspaceError::Guest(
            source @ ClientError::Failed(Failure { kind: FailureKind::Full, .. }),
        ) => WorkspaceError::SeedTooLarge { disk_bytes, source },
        error => error,
    }
}

fn shape(request: &CreateRequest) -> Result<Shape, WorkspaceError> {
    let ttl_seconds = match lifetime(request.ttl_seconds)? {
        0 => Shape::default().ttl_seconds,
        ttl_seconds => ttl_seconds,
    };
    Ok(Shape::new(request.vcpu_count, request.mem_mib, ttl_seconds).map_err(VmError::from)?)
}

fn empty_seed() -> SeedRecord {
    SeedRecord {
        mode: "empty".to_owned(),
        seed_path: None,
        destination: ROOT.to_owned(),
        entry_count: 0,
        bytes_written: 0,
        left_out: Vec::new(),
        left_out_count: 0,
        respect_ignore: false,
        git_note: None,
    }
}

/// A seed that can be carried, as far as that can be known without a guest.
async fn looked_at(seed: SeedRequest) -> Result<Source, WorkspaceError> {
    let looked = blocking(move || {
        let look = || {
            let source = Source::open(&seed.path, Ignore::asked(seed.respect_ignore))?;
            source.check()?;
            Ok(source)
        };
        Ok(look())
    });
    Ok(looked.await?.map_err(FileError::Source)?)
}

/// As [`fill`], with what its user must know where it fails.
async fn filled(
    config: &Config,
    id: Id,
    vm: Id,
    source: Option<Source>,
    disk_bytes: Option<u64>,
) -> Result<SeedRecord, WorkspaceError> {
    let filling =
        async { fill(config, id, vm, source).await.map_err(|error| unfilled(error, disk_bytes)) };
    explained(config, id, filling).await
}

/// Put the first files in, and note what they are.
async fn fill(
    config: &Config,
    id: Id,
    vm: Id,
    source: Option<Source>,
) -> Result<SeedRecord, WorkspaceError> {
    let seed = seed::fill(config, vm, source).instrument(tracing::debug_span!("seed")).await?;
    let stream =
        Patient::new(SupervisorClient::new(config, vm).connect().await?, running::PATIENCE);
    let entries = baseline::present(stream).instrument(tracing::debug_span!("manifest")).await?;
    let config = config.clone();
    let record = seed.record.clone();
    let keep = move || {
        baseline::keep(&config, id, &entries)?;
        seed.proofs(&entries).keep(&config, id)
    };
    blocking(move || Ok(keep())).await??;
    Ok(record)
}

/// Close the vm's first layer: it is what a reset goes back to.
async fn close(config: &Config, vm: Id, first: &NewLayer) -> Result<(), WorkspaceError> {
    let next = NewLayer {
        id: Id::random().map_err(VmError::from)?,
        parent: Some(first.id),
        backing: first.backing.clone(),
        created_at: clock::now(),
    };
    SupervisorClient::new(config, vm).close_layer(next).await?;
    Ok(())
}
