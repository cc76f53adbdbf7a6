//! Resetting a workspace to its baseline or to a snapshot: the new vm runs before the old one ends.

use super::claim::{Claimed, claim, find, note};
use super::error::WorkspaceError;
use super::files::baseline;
use super::info::{ResetTo, WorkspaceResetInfo};
use super::paths::ROOT;
use super::{layers, on_host, outputs, reconcile, running, start, status};
use crate::config::Config;
use crate::guest::patience::Patient;
use crate::host::{clock, fs};
use crate::id::Id;
use crate::snapshot_name::Snapshot;
use crate::store::Store;
use crate::store::layer::NewLayer;
use crate::store::vm::VmRecord;
use crate::store::workspace::{WorkspaceChange, WorkspaceRecord};
use crate::vm::control::client::SupervisorClient;
use crate::vm::output::OutputName;
use crate::vm::{VmError, blocking, paths};
use tokio_util::sync::CancellationToken;

/// Put a workspace's whole disk back to its baseline or to a snapshot, and forget its commands; it
/// runs afterwards.
///
/// # Errors
/// [`WorkspaceError`]; whatever it is, the workspace is as it was.
pub async fn reset(
    config: &Config,
    id: Id,
    to: &Snapshot,
    cancel: &CancellationToken,
) -> Result<WorkspaceResetInfo, WorkspaceError> {
    let store = Store::open(&config.data_dir)?;
    reconcile::reconcile(config, &store)?;
    let workspace = claim(config, &store, id, WorkspaceChange::Resetting)?;
    let claimed = Claimed::new(config, &store, id);
    let (closed, snapshot) = layers::closed_layer(&store, &workspace, to)?;
    running::touch(&store, id)?;
    layers::layer_files(config, &store, &workspace, closed)?;
    let old = tokio::select! {
        vm = start::vm_of(config, &store, &workspace) => vm?,
        () = cancel.cancelled() => return Err(VmError::Cancelled.into()),
    };
    let (vm, layer) = begin(&store, &workspace, &old, closed)?;
    let (next, top) = (vm.id, layer.id);
    if layer.backing.is_host_tree() {
        on_host::copy(config, closed, top, cancel).await?;
    }
    start::start_vm(config, &store, &workspace, vm, top, cancel).await?;
    if layer.backing.is_host_tree() && *to == Snapshot::Baseline {
        keep_manifest(config, id, next).await?;
    }
    // It runs: now it is the one, and only then the old one goes.
    let now = clock::now();
    let said = loop {
        // Updates of its name come in between.
        let mut workspace = find(&store, id)?.claimed(None);
        (workspace.vm, workspace.top_layer) = (Some(next), Some(top));
        (workspace.next_vm, workspace.next_layer) = (None, None);
        workspace.reset_count += 1;
        workspace.last_reset_at = Some(now);
        let said = outputs::named(&store, id);
        if store.reset_workspace(&workspace)?.is_some() {
            break said;
        }
    };
    claimed.was_given_back();
    running::was_used(&store, id);
    if let Err(error) = fs::remove_tree(&paths::services_dir(config, id)) {
        tracing::warn!(%error, "logs of services are left behind");
    }
    if let Err(error) = remove_old(config, old.id, said).await {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "the old vm waits for the next command"
        );
    }
    let workspace = status::told(config, &store, id)?;
    let seed = &workspace.workspace_seed;
    let (entry_count, bytes_written) = match snapshot {
        Some(snapshot) => (snapshot.entry_count, snapshot.bytes_written),
        None => (Some(seed.entry_count), Some(seed.bytes_written)),
    };
    let workspace_reset = ResetTo {
        snapshot_name: to.name().to_owned(),
        kind: to.kind(),
        destination: ROOT,
        entry_count,
        bytes_written,
    };
    Ok(WorkspaceResetInfo { workspace, workspace_reset })
}

/// Remove what a reset has replaced, and the outputs that its history named.
async fn remove_old(config: &Config, vm: Id, said: Vec<OutputName>) -> Result<(), WorkspaceError> {
    let config = config.clone();
    let remove = move || {
        outputs::remove(&config, &said);
        let store = Store::open(&config.data_dir)?;
        let removed = reconcile::remove_vm(&config, &store, vm);
        Ok(removed.and(reconcile::collect_layers(&config, &store)))
    };
    blocking(remove).await?
}

/// Note what the files of a copy are: they are others than those that the baseline's manifest
/// names. Until it takes over a diff reads all of them, and finds the same.
async fn keep_manifest(config: &Config, id: Id, vm: Id) -> Result<(), WorkspaceError> {
    let stream =
        Patient::new(SupervisorClient::new(config, vm).connect().await?, running::PATIENCE);
    let entries = baseline::present(stream).await?;
    let config = config.clone();
    blocking(move || Ok(baseline::keep(&config, id, &entries))).await?
}

/// Record the vm and the layer that are to take over.
fn begin(
    store: &Store,
    workspace: &WorkspaceRecord,
    old: &VmRecord,
    parent: Id,
) -> Result<(VmRecord, NewLayer), WorkspaceError> {
    let id = workspace.id;
    let layer = layers::above(store, parent)?.ok_or(WorkspaceError::NoDisk { id })?;
    let vm = old.another().map_err(VmError::from)?;
    note(store, id, std::slice::from_ref(&layer), |workspace| {
        (workspace.next_vm, workspace.next_layer) = (Some(vm.id), Some(layer.id));
    })?;
    store.insert_vm(&vm, None)?;
    Ok((vm, layer))
}
