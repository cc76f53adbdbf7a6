//! Starting a workspace: from a template as every vm, on the disk that it has.

use super::claim::{Claimed, find, note};
use super::error::WorkspaceError;
use super::info::WorkspaceInfo;
use super::{layers, reconcile, rest, running, status};
use crate::config::Config;
use crate::host::clock;
use crate::id::Id;
use crate::store::Store;
use crate::store::vm::{NewVm, VmKind, VmRecord, VmState};
use crate::store::workspace::{WorkspaceChange, WorkspaceRecord};
use crate::vm::{VmError, lifecycle};
use tokio_util::sync::CancellationToken;

/// Start a workspace; one that runs stays so. Of many who start it at once one does, and the others
/// wait for it.
///
/// # Errors
/// [`WorkspaceError::Changing`] when somebody else is at it for too long; it is stopped after any
/// other.
pub async fn start(
    config: &Config,
    id: Id,
    cancel: &CancellationToken,
) -> Result<WorkspaceInfo, WorkspaceError> {
    let store = Store::open(&config.data_dir)?;
    reconcile::reconcile(config, &store)?;
    let claimed = rest::claim_in_turn(config, &store, id, WorkspaceChange::Starting);
    let workspace = tokio::select! {
        claimed = claimed => claimed?,
        () = cancel.cancelled() => return Err(VmError::Cancelled.into()),
    };
    let claimed = Claimed::new(config, &store, id);
    let vm = tokio::select! {
        vm = vm_of(config, &store, &workspace) => vm?,
        () = cancel.cancelled() => return Err(VmError::Cancelled.into()),
    };
    if vm.state != VmState::Started {
        // A supervisor that was waited for may have closed a layer until its end.
        let workspace = find(&store, id)?;
        let top = workspace.top_layer.ok_or(WorkspaceError::NoDisk { id })?;
        start_vm(config, &store, &workspace, vm, top, cancel).await?;
    }
    running::was_used(&store, id);
    drop(claimed);
    status::told(config, &store, id)
}

/// Start a vm of a workspace on the layer `top`.
///
/// # Errors
/// [`VmError`]; the vm is then as it was, or stopped.
pub(super) async fn start_vm(
    config: &Config,
    store: &Store,
    workspace: &WorkspaceRecord,
    vm: VmRecord,
    top: Id,
    cancel: &CancellationToken,
) -> Result<VmRecord, WorkspaceError> {
    let expires_at = store.renew_workspace(workspace.id, clock::now())?;
    let layers = layers::layer_files(config, store, workspace, top)?;
    Ok(lifecycle::start::start_on(config, store, VmRecord { expires_at, ..vm }, layers, cancel)
        .await?)
}

/// The vm of a workspace that this process has claimed, at rest. One whose record was lost is
/// replaced: all that is worth keeping is in the workspace's record and its layers.
///
/// # Errors
/// [`WorkspaceError::NoDisk`].
pub(super) async fn vm_of(
    config: &Config,
    store: &Store,
    workspace: &WorkspaceRecord,
) -> Result<VmRecord, WorkspaceError> {
    if let Some(vm) = rest::vm_at_rest(config, workspace.vm).await? {
        return Ok(vm);
    }
    let id = workspace.id;
    let top = workspace.top_layer.ok_or(WorkspaceError::NoDisk { id })?;
    let vm = VmRecord::new(NewVm {
        kind: VmKind::Workspace,
        environment: workspace.environment.clone(),
        environment_version: workspace.environment_version.clone(),
        backing: store.layer(top)?.ok_or(WorkspaceError::NoDisk { id })?.backing,
        vcpu_count: workspace.vcpu_count,
        mem_mib: workspace.mem_mib,
        ttl_seconds: workspace.ttl_seconds,
    })
    .map_err(VmError::from)?;
    note(store, id, &[], |workspace| workspace.vm = Some(vm.id))?;
    store.insert_vm(&vm, None)?;
    Ok(vm)
}
