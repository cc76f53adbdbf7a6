//! Taking a snapshot of a workspace: the layer that it writes to is closed, and gets a name.

use super::info::SnapshotCreated;
use crate::config::Config;
use crate::guest::patience::Patient;
use crate::host::clock;
use crate::id::Id;
use crate::snapshot_name::SnapshotName;
use crate::store::Store;
use crate::store::snapshot::SnapshotRecord;
use crate::store::vm::{VmRecord, VmState};
use crate::store::workspace::{WorkspaceChange, WorkspaceRecord};
use crate::vm::control::client::SupervisorClient;
use crate::vm::{VmError, blocking};
use crate::workspace::claim::{Claimed, claim, find};
use crate::workspace::ended::explained;
use crate::workspace::error::WorkspaceError;
use crate::workspace::files::base::BasePlace;
use crate::workspace::files::{baseline, listing};
use crate::workspace::{layers, merge, on_host, reconcile, running, start};
use pyro_protocol::tree::Entry;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Take a snapshot of a workspace's whole disk as it is in one moment; the workspace goes on as it
/// was, started or stopped.
///
/// # Errors
/// [`WorkspaceError::SnapshotExists`]; whatever it is, there is no new snapshot.
pub async fn create(
    config: &Config,
    id: Id,
    name: &SnapshotName,
    cancel: &CancellationToken,
) -> Result<SnapshotCreated, WorkspaceError> {
    let store = Store::open(&config.data_dir)?;
    reconcile::reconcile(config, &store)?;
    let workspace = claim(config, &store, id, WorkspaceChange::Snapshotting)?;
    let claimed = Claimed::new(config, &store, id);
    let exists = || WorkspaceError::SnapshotExists { id, name: name.clone() };
    if store.snapshot(id, name)?.is_some() {
        return Err(exists());
    }
    running::touch(&store, id)?;
    let vm = tokio::select! {
        vm = start::vm_of(config, &store, &workspace) => vm?,
        () = cancel.cancelled() => return Err(VmError::Cancelled.into()),
    };
    // A supervisor that was waited for may have closed a layer until its end.
    let workspace = find(&store, id)?;
    merge::merge_where_deep(config, &store, &workspace).await?;
    let listed = listed(config, &vm, id, cancel).await?;
    let (layer, held) = close(config, &store, &workspace, &vm, cancel).await?;
    let created_at = clock::now();
    keep(config, &store, id, layer, listed).await;
    let counted = counted(config, &store, &workspace, layer, cancel).await?;
    let snapshot = SnapshotRecord {
        workspace: id,
        name: name.clone(),
        layer,
        created_at,
        entry_count: counted.map(|(entries, _)| entries),
        bytes_written: counted.map(|(_, bytes)| bytes),
    };
    if !store.insert_snapshot(&snapshot)? {
        return Err(exists());
    }
    running::was_used(&store, id);
    claimed.give_back(|workspace| workspace.next_layer = None)?;
    Ok(SnapshotCreated {
        workspace_id: id,
        snapshot: snapshot.into(),
        execution_mode: vm.execution_mode,
        held_ms: u64::try_from(held.as_millis()).unwrap_or(u64::MAX),
    })
}

/// Close the layer that takes the workspace's writes; it, and how long they were held. On the host
/// a copy is made, while commands go on.
async fn close(
    config: &Config,
    store: &Store,
    workspace: &WorkspaceRecord,
    vm: &VmRecord,
    cancel: &CancellationToken,
) -> Result<(Id, Duration), WorkspaceError> {
    let id = workspace.id;
    let top = workspace.top_layer.ok_or(WorkspaceError::NoDisk { id })?;
    if vm.state != VmState::Started || vm.backing.is_host_tree() {
        layers::layer_files(config, store, workspace, top)?;
    }
    if vm.backing.is_host_tree() {
        let kept = on_host::keep(config, store, id, top, cancel).await?;
        return Ok((kept, Duration::ZERO));
    }
    explained(config, id, layers::close_top(config, store, workspace, vm)).await
}

/// What the guest holds right before its layer is closed; none where it does not run, or has too
/// much: then a diff reads more.
async fn listed(
    config: &Config,
    vm: &VmRecord,
    id: Id,
    cancel: &CancellationToken,
) -> Result<Option<Vec<Entry>>, WorkspaceError> {
    if vm.state != VmState::Started || vm.backing.is_host_tree() {
        return Ok(None);
    }
    let listing = async {
        let stream = SupervisorClient::new(config, vm.id).connect().await?;
        baseline::present(Patient::new(stream, running::PATIENCE)).await
    };
    let listed = tokio::select! {
        listed = explained(config, id, listing) => listed,
        () = cancel.cancelled() => return Err(VmError::Cancelled.into()),
    };
    match listed {
        Ok(entries) => Ok(Some(entries)),
        Err(WorkspaceError::File(error)) => {
            tracing::debug!(error = &error as &dyn std::error::Error, "no listing is kept");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Keep the listing of a closed layer, and none of layers that no snapshot is. A diff can do
/// without.
async fn keep(config: &Config, store: &Store, id: Id, layer: Id, listed: Option<Vec<Entry>>) {
    let kept = async {
        let known = store.snapshots(id)?.into_iter().map(|snapshot| snapshot.layer);
        let layers: Vec<Id> = known.chain([layer]).collect();
        let config = config.clone();
        let keep = move || {
            listing::prune(&config, id, &layers)?;
            listed.map_or(Ok(()), |entries| listing::keep(&config, id, layer, &entries))
        };
        blocking(move || Ok(keep())).await?
    };
    if let Err(error) = kept.await {
        let error: WorkspaceError = error;
        tracing::warn!(error = &error as &dyn std::error::Error, "no listing is kept");
    }
}

/// How many nodes the closed layer holds below `/workspace`, and how many bytes of files; none
/// where it cannot be read, which is no reason not to have it.
async fn counted(
    config: &Config,
    store: &Store,
    workspace: &WorkspaceRecord,
    layer: Id,
    cancel: &CancellationToken,
) -> Result<Option<(u64, u64)>, WorkspaceError> {
    let ended = CancellationToken::new();
    // Dropped, it ends what would otherwise count for nobody.
    let _guard = ended.clone().drop_guard();
    let count = async {
        let place = BasePlace::of_layer(config, store, workspace, layer)?;
        let count = move || place.open().and_then(|base| base.count(&ended));
        Ok(blocking(move || Ok(count())).await??)
    };
    let counted: Result<_, WorkspaceError> = tokio::select! {
        counted = count => counted,
        () = cancel.cancelled() => return Err(VmError::Cancelled.into()),
    };
    let counted = counted.inspect_err(|error| {
        tracing::warn!(
            error = error as &dyn std::error::Error,
            "the files of a snapshot are not counted"
        );
    });
    Ok(counted.ok())
}
