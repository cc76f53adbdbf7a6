//! Merging layers that nobody needs apart: the space of deleted snapshots and forks comes back, and
//! the chain of a disk stays short.

use super::claim::find;
use super::error::WorkspaceError;
use super::file_error::FileError;
use super::limits::MAX_LAYERS;
use super::reconcile;
use crate::config::Config;
use crate::disk;
use crate::host::{clock, fs};
use crate::id::Id;
use crate::store::Store;
use crate::store::layer::{LayerPair, NewLayer};
use crate::store::vm::VmState;
use crate::store::workspace::WorkspaceRecord;
use crate::vm::{VmError, blocking, paths};

/// Layers of a disk from which on they are merged before another one is added.
const DEEP: usize = MAX_LAYERS / 2;

/// Most bytes of the host's disk that two layers may take which are merged: more are not copied
/// while somebody waits.
const MAX_BYTES: u64 = 1 << 30;

/// Merge the layers of a workspace that this process has claimed for as long as it does. What
/// cannot be merged stays, and concerns nobody but the log. A machine that runs on the layers goes
/// on with the files that it has open. Blocks.
///
/// Where its vm is at rest, nobody writes to its top layer either.
pub(super) fn merge(config: &Config, store: &Store, id: Id) {
    let merged = is_at_rest(store, id).and_then(|at_rest| merge_all(config, store, id, at_rest));
    if let Err(error) = merged {
        tracing::warn!(%id, error = &error as &dyn std::error::Error, "layers are not merged");
    }
}

/// As [`merge`], before another layer is added, where there are so many that starts become slow.
///
/// # Errors
/// When the records cannot be read.
pub(super) async fn merge_where_deep(
    config: &Config,
    store: &Store,
    workspace: &WorkspaceRecord,
) -> Result<(), WorkspaceError> {
    let Some(top) = workspace.top_layer else { return Ok(()) };
    if store.layer_chain(top)?.len() < DEEP {
        return Ok(());
    }
    let (config, id) = (config.clone(), workspace.id);
    let store = Store::open(&config.data_dir)?;
    blocking(move || {
        merge(&config, &store, id);
        Ok(())
    })
    .await?;
    Ok(())
}

/// Whether a claimed workspace has no machine that may write to its disk.
fn is_at_rest(store: &Store, id: Id) -> Result<bool, WorkspaceError> {
    let vm = find(store, id)?.vm.map(|vm| store.vm(vm)).transpose()?.flatten();
    Ok(vm.is_none_or(|vm| {
        matches!(vm.state, VmState::Created | VmState::Stopped) && vm.supervisor.is_none()
    }))
}

fn merge_all(config: &Config, store: &Store, id: Id, at_rest: bool) -> Result<(), WorkspaceError> {
    let mut passed = Vec::new();
    loop {
        let pairs = store.mergeable_layers(id, at_rest)?;
        let Some(pair) = pairs.into_iter().find(|pair| !passed.contains(pair)) else {
            return Ok(());
        };
        if bytes(config, pair.lower)? + bytes(config, pair.upper)? > MAX_BYTES {
            passed.push(pair);
            continue;
        }
        merge_pair(config, store, pair)?;
        reconcile::collect_layers(config, store)?;
    }
}

/// What a layer takes of the host's disk, in bytes.
fn bytes(config: &Config, layer: Id) -> Result<u64, WorkspaceError> {
    Ok(fs::used_bytes(&paths::shared_layer(config, layer))?)
}

/// Put the merged file in the place of the upper layer, then take the lower one out of the chain.
/// In between the chain holds the lower one's content twice and reads the same.
fn merge_pair(config: &Config, store: &Store, pair: LayerPair) -> Result<(), WorkspaceError> {
    let backing = match store.layer(pair.upper)? {
        Some(upper) => upper.backing,
        None => return Ok(()),
    };
    let id = Id::random().map_err(VmError::from)?;
    let merged = NewLayer { id, parent: None, backing, created_at: clock::now() };
    // Nobody's: it is collected when this process dies.
    store.begin_free_layer(&merged)?;
    let [lower, upper, file] =
        [pair.lower, pair.upper, id].map(|layer| paths::shared_layer(config, layer));
    let done = disk::merge(&lower, &upper, &file, MAX_BYTES)
        .map_err(|error| WorkspaceError::from(FileError::from(error)))
        .and_then(|()| Ok(fs::sync_file(&file)?))
        .and_then(|()| Ok(fs::rename(&file, &upper)?))
        .and_then(|()| Ok(store.join_layers(pair)?));
    let given_up = store.give_up_layer(id);
    done.and(given_up.map_err(WorkspaceError::from))
}
