//! Starting a vm: from a template as any other, on the disk that it has.

use super::claim::claim;
use super::gone::gone;
use crate::config::Config;
use crate::environment::{EnvironmentStore, Progress};
use crate::store::Store;
use crate::store::vm::{VmRecord, VmState};
use crate::vm::control::protocol::{EngineLaunch, Launch};
use crate::vm::control::starter::Starter;
use crate::vm::error::VmError;
use crate::vm::failure::Failure;
use crate::vm::operation::Operation;
use crate::vm::paths;
use crate::vm::plan::{self, Plan};
use crate::vm::plan::{admission, record};
use crate::vm::recover::reconcile;
use std::path::PathBuf;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

/// Start `vm` and wait until its guest answers; from then on it needs nobody.
///
/// # Errors
/// [`VmError`]; the vm is then stopped, or as it was where nothing was tried.
pub async fn start(
    config: &Config,
    store: &Store,
    vm: VmRecord,
    cancel: &CancellationToken,
) -> Result<VmRecord, VmError> {
    let layers = vec![paths::layer(config, vm.id)];
    start_on(config, store, vm, layers, cancel).await
}

/// As `start`, on a disk of these qcow2 layers, bottom first: the last is the vm's own and made
/// where it is missing, those below it are only read.
///
/// # Errors
/// As `start`.
pub async fn start_on(
    config: &Config,
    store: &Store,
    vm: VmRecord,
    layers: Vec<PathBuf>,
    cancel: &CancellationToken,
) -> Result<VmRecord, VmError> {
    let id = vm.id;
    let plan = tokio::select! {
        plan = plan_again(config, store, &vm).instrument(tracing::debug_span!("plan")) => plan?,
        () = cancel.cancelled() => return Err(VmError::Cancelled),
    };
    let before = vm.state;
    let vm = VmRecord { last_error: None, ..vm };
    let vm =
        claim(store, vm, Operation::Start, VmState::Starting, Some(admission::max_active(config)))?;
    let undo = Undo { store, vm: &vm, before };
    let launch = Launch { layers, ..record::launch(config, &vm, plan.engine) };
    let mut starter = Starter::spawn(config, &launch).await?;
    let ready = tokio::select! {
        ready = starter.ready().instrument(tracing::debug_span!("start")) => Some(ready),
        () = cancel.cancelled() => None,
    };
    drop(undo);
    let error = match ready {
        Some(Ok(_)) => return store.vm(id)?.ok_or_else(|| gone(&vm)),
        Some(Err(VmError::Control(_))) => VmError::Failed(Failure::lost()),
        Some(Err(error)) => error,
        None => {
            // Whatever it says: what is wanted is that it has ended.
            let _ = starter.end().await;
            VmError::Cancelled
        }
    };
    // Its supervisor has put it away, unless it was killed, or somebody deleted the vm under it.
    match store.vm(id)? {
        None => Err(gone(&vm)),
        Some(vm) => {
            reconcile::settle(config, store, &vm)?;
            Err(error)
        }
    }
}

/// Takes a claim back that no supervisor took up.
struct Undo<'a> {
    store: &'a Store,
    vm: &'a VmRecord,
    before: VmState,
}

impl Drop for Undo<'_> {
    fn drop(&mut self) {
        // A supervisor that took it up has changed the record: then this changes nothing.
        if let Err(error) =
            self.store.change_vm(&VmRecord { state: self.before, ..self.vm.clone() }, None)
        {
            tracing::warn!(%error, "a vm stays claimed until this process ends");
        }
    }
}

/// Plan the machine as for a new vm, but on the image that its disk stands on, and in the world
/// that it was made for.
async fn plan_again(config: &Config, store: &Store, vm: &VmRecord) -> Result<Plan, VmError> {
    let Some(digest) = vm.backing.image() else { return Ok(Plan::host()) };
    let mut quiet = |_: Progress| {};
    let shape = record::shape(vm);
    let mut plan = plan::plan(config, store, &vm.environment, shape, false, &mut quiet).await?;
    if let EngineLaunch::Qemu(qemu) = &mut plan.engine
        && plan.backing.image() != Some(digest)
    {
        let (image, blank) = EnvironmentStore::new(config).image_of(digest.as_ref());
        if !image.is_file() {
            return Err(VmError::ImageGone { id: vm.id, environment: vm.environment.clone() });
        }
        (qemu.image, qemu.blank_layer) = (image, blank);
    }
    Ok(plan)
}
