//! The disk layers of a workspace: their files, and a new one above.

use super::error::WorkspaceError;
use super::on_host;
use crate::config::Config;
use crate::host::clock;
use crate::id::Id;
use crate::store::Store;
use crate::store::layer::NewLayer;
use crate::store::workspace::WorkspaceRecord;
use crate::vm::{VmError, paths};
use std::path::PathBuf;

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
