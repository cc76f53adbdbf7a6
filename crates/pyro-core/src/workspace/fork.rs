//! Forking a workspace: new ones over the disk that it has at one moment; all of them go on.

use super::claim::{Claimed, claim, find};
use super::ended::explained;
use super::error::WorkspaceError;
use super::files::{baseline, proof};
use super::info::WorkspaceForks;
pub use super::limits::MAX_FORKS;
use super::{label, layers, merge, reconcile, running, secrets, start, status};
use crate::config::Config;
use crate::host::{clock, process};
use crate::id::Id;
use crate::store::Store;
use crate::store::layer::NewLayer;
use crate::store::vm::{VmRecord, VmState};
use crate::store::workspace::{WorkspaceChange, WorkspaceRecord};
use crate::vm::VmError;
use futures::stream::{StreamExt, TryStreamExt};
use tokio_util::sync::CancellationToken;

/// How many start at a time.
const AT_ONCE: usize = 4;

/// Make `count` new workspaces from the present disk of one; each runs, and resets to the same
/// baseline.
///
/// # Errors
/// [`WorkspaceError`]; whatever it is, the one is as it was, and there is no new one.
pub async fn fork(
    config: &Config,
    id: Id,
    count: u32,
    name: Option<&str>,
    cancel: &CancellationToken,
) -> Result<WorkspaceForks, WorkspaceError> {
    if !(1..=MAX_FORKS).contains(&count) {
        return Err(WorkspaceError::Count(count));
    }
    let name = name.map(label::name).transpose()?;
    // The last one has the longest.
    numbered(name.as_deref(), count, count).as_deref().map(label::name).transpose()?;
    let store = Store::open(&config.data_dir)?;
    reconcile::reconcile(config, &store)?;
    let workspace = claim(config, &store, id, WorkspaceChange::Forking)?;
    let claimed = Claimed::new(config, &store, id);
    if let Some(top) = workspace.top_layer
        && store.layer(top)?.is_some_and(|layer| layer.backing.is_host_tree())
    {
        return Err(WorkspaceError::NoFork { id });
    }
    running::touch(&store, id)?;
    let vm = tokio::select! {
        vm = start::vm_of(config, &store, &workspace) => vm?,
        () = cancel.cancelled() => return Err(VmError::Cancelled.into()),
    };
    // A supervisor that was waited for may have closed a layer until its end.
    let workspace = find(&store, id)?;
    if vm.state != VmState::Started {
        layers::layer_files(
            config,
            &store,
            &workspace,
            workspace.top_layer.ok_or(WorkspaceError::NoDisk { id })?,
        )?;
    }
    merge::merge_where_deep(config, &store, &workspace).await?;
    let (below, held) =
        explained(config, id, layers::close_top(config, &store, &workspace, &vm)).await?;
    let (mut born, mut guards) = (Vec::new(), Vec::new());
    for number in 1..=count {
        let child = Id::random().map_err(VmError::from)?;
        // Dropped before all of them run, they are removed, also one that is half recorded.
        guards.push(Claimed::new(config, &store, child));
        let name = numbered(name.as_deref(), number, count);
        born.push(record(config, &store, &workspace, &vm, below, child, name)?);
    }
    // Its disk is closed and its children are recorded: it is free again.
    claimed.give_back(|_| {})?;
    let starts = born.iter().map(|(child, vm)| bring_up(config, &store, child, vm.clone(), cancel));
    let workspaces: Vec<Id> = futures::stream::iter(starts).buffered(AT_ONCE).try_collect().await?;
    for guard in guards {
        guard
            .give_back(|workspace| (workspace.vm, workspace.next_vm) = (workspace.next_vm, None))?;
    }
    running::was_used(&store, id);
    let workspaces: Vec<_> = workspaces
        .into_iter()
        .map(|id| status::told(config, &store, id))
        .collect::<Result<_, _>>()?;
    let held_ms = u64::try_from(held.as_millis()).unwrap_or(u64::MAX);
    Ok(WorkspaceForks { workspace_id: id, count: workspaces.len(), workspaces, held_ms })
}

fn numbered(name: Option<&str>, number: u32, count: u32) -> Option<String> {
    match (name, count) {
        (Some(name), 1) => Some(name.to_owned()),
        (Some(name), _) => Some(format!("{name}-{number}")),
        (None, _) => None,
    }
}

/// Record the new workspace `id` over the layer `below`.
fn record(
    config: &Config,
    store: &Store,
    parent: &WorkspaceRecord,
    parent_vm: &VmRecord,
    below: Id,
    id: Id,
    name: Option<String>,
) -> Result<(WorkspaceRecord, VmRecord), WorkspaceError> {
    let layer: NewLayer =
        layers::above(store, below)?.ok_or(WorkspaceError::NoDisk { id: parent.id })?;
    let now = clock::now();
    let vm = parent_vm.another().map_err(VmError::from)?;
    let child = WorkspaceRecord {
        id,
        name,
        created_at: now,
        last_activity_at: now,
        expires_at: running::expiry(parent.ttl_seconds, now),
        vm: None,
        top_layer: Some(layer.id),
        next_vm: Some(vm.id),
        next_layer: None,
        command_count: 0,
        reset_count: 0,
        last_reset_at: None,
        boot_id: process::boot_id(),
        revision: 0,
        ..parent.claimed(Some(WorkspaceChange::Creating))
    };
    store.insert_workspace(&child, &layer)?;
    store.insert_vm(&vm, None)?;
    baseline::inherit(config, parent.id, child.id)?;
    proof::inherit(config, parent.id, child.id)?;
    secrets::inherit(config, parent.id, child.id)?;
    Ok((child, vm))
}

async fn bring_up(
    config: &Config,
    store: &Store,
    child: &WorkspaceRecord,
    vm: VmRecord,
    cancel: &CancellationToken,
) -> Result<Id, WorkspaceError> {
    let top = child.top_layer.ok_or(WorkspaceError::NoDisk { id: child.id })?;
    start::start_vm(config, store, child, vm, top, cancel).await?;
    Ok(child.id)
}
