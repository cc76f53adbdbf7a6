//! The disk layers of a workspace: their files, a new one above, and the top one closed.

use super::claim::note;
use super::error::WorkspaceError;
use super::limits::MAX_LAYERS;
use super::on_host;
use crate::config::Config;
use crate::host::clock;
use crate::id::Id;
use crate::snapshot_name::{Snapshot, SnapshotName};
use crate::store::Store;
use crate::store::layer::NewLayer;
use crate::store::snapshot::SnapshotRecord;
use crate::store::vm::{VmRecord, VmState};
use crate::store::workspace::WorkspaceRecord;
use crate::vm::control::client::SupervisorClient;
use crate::vm::{VmError, paths};
use std::path::PathBuf;
use std::time::Duration;

/// Files of the layer `top` of a workspace and of all below it, bottom first; on the host the
/// directory of that layer.
///
/// # Errors
/// [`WorkspaceError::LayerGone`] when one was removed that may hold something.
pub(super) fn layer_files(
    config: &Config,
    store: &Store,
    workspace: &WorkspaceRecord,
    top: Id,
) -> Result<Vec<PathBuf>, WorkspaceError> {
    let id = workspace.id;
    if store.layer(top)?.ok_or(WorkspaceError::NoDisk { id })?.backing.is_host_tree() {
        return Ok(vec![on_host::layer(config, workspace, top)?]);
    }
    let chain = store.layer_chain(top)?;
    for layer in &chain {
        let path = paths::shared_layer(config, *layer);
        if !path.is_file() && (*layer != top || store.is_layer_made(top)?) {
            let baseline =
                workspace.baseline_layer.map(|baseline| store.layer_chain(baseline)).transpose()?;
            let resettable = baseline.is_some_and(|below| {
                below.iter().all(|layer| paths::shared_layer(config, *layer).is_file())
            });
            return Err(WorkspaceError::LayerGone { id, path, resettable });
        }
    }
    Ok(chain.into_iter().map(|layer| paths::shared_layer(config, layer)).collect())
}

/// A new layer over `parent`; none when that is gone.
pub(super) fn above(store: &Store, parent: Id) -> Result<Option<NewLayer>, WorkspaceError> {
    let id = Id::random().map_err(VmError::from)?;
    let created_at = clock::now();
    let below = store.layer(parent)?;
    Ok(below.map(|NewLayer { backing, .. }| NewLayer {
        id,
        parent: Some(parent),
        backing,
        created_at,
    }))
}

/// Close the layer that takes the writes of a workspace that this process has claimed; it, and how
/// long writes were held.
///
/// # Errors
/// [`WorkspaceError::TooDeep`]; whatever it is, the workspace goes on as before.
pub(super) async fn close_top(
    config: &Config,
    store: &Store,
    workspace: &WorkspaceRecord,
    vm: &VmRecord,
) -> Result<(Id, Duration), WorkspaceError> {
    let id = workspace.id;
    let top = workspace.top_layer.ok_or(WorkspaceError::NoDisk { id })?;
    let next = above(store, top)?.ok_or(WorkspaceError::NoDisk { id })?;
    let chain = store.layer_chain(top)?;
    let is_full = chain.len() >= MAX_LAYERS;
    match vm.state {
        VmState::Started if is_full => Err(WorkspaceError::TooDeep { id }),
        VmState::Started => {
            Ok((top, SupervisorClient::new(config, vm.id).close_layer(next).await?))
        }
        VmState::Created | VmState::Stopped => {
            // One that it never ran on holds nothing, and has no file: they stand on what that
            // would.
            if let [.., below, _] = chain.as_slice()
                && !paths::shared_layer(config, top).is_file()
            {
                return Ok((*below, Duration::ZERO));
            }
            if is_full {
                return Err(WorkspaceError::TooDeep { id });
            }
            // Nobody writes to it: from its next start on it writes to a new one.
            note(store, id, std::slice::from_ref(&next), |workspace| {
                workspace.top_layer = Some(next.id)
            })?;
            Ok((top, Duration::ZERO))
        }
        state => Err(VmError::Changing { id: vm.id, state }.into()),
    }
}

/// The closed layer of what a workspace can go back to, with its record where it is a snapshot that
/// somebody took.
///
/// # Errors
/// [`WorkspaceError::NoSuchSnapshot`].
pub(super) fn closed_layer(
    store: &Store,
    workspace: &WorkspaceRecord,
    snapshot: &Snapshot,
) -> Result<(Id, Option<SnapshotRecord>), WorkspaceError> {
    let id = workspace.id;
    match snapshot {
        Snapshot::Baseline => {
            Ok((workspace.baseline_layer.ok_or(WorkspaceError::NoDisk { id })?, None))
        }
        Snapshot::Named(name) => match store.snapshot(id, name)? {
            Some(found) => Ok((found.layer, Some(found))),
            None => Err(unknown_snapshot(store, id, name)),
        },
    }
}

/// Snapshots that an error names; more are not.
const MAX_NAMED: usize = 20;

/// That a workspace has no snapshot of this name, with the names that it has.
pub(super) fn unknown_snapshot(store: &Store, id: Id, name: &SnapshotName) -> WorkspaceError {
    let known = match store.snapshots(id) {
        Ok(snapshots) => snapshots,
        Err(error) => return error.into(),
    };
    let known = known.into_iter().take(MAX_NAMED).map(|known| known.name.to_string());
    WorkspaceError::NoSuchSnapshot { id, name: name.clone(), known: known.collect() }
}
