//! Listings that the guest made of itself right before its layers were closed: what is in a
//! snapshot, and has not changed since, is told without reading it.
//!
//! A snapshot's own tree is read from its layer, where inode numbers and ctimes are not to be had.
//! A node of it that the listing knows gets the listing's: where the present node has the same,
//! nobody has changed it since the listing, so it is in the layer as it is now. The others are
//! read.

use super::baseline;
use crate::config::Config;
use crate::host::fs;
use crate::id::Id;
use crate::workspace::error::WorkspaceError;
use crate::workspace::paths::directory;
use pyro_protocol::TreePath;
use pyro_protocol::tree::{Entry, Meta};
use std::collections::HashMap;
use std::path::PathBuf;

fn listings(config: &Config, id: Id) -> PathBuf {
    directory(config, id).join("listings")
}

/// Keep what a workspace's guest listed before its `layer` was closed. Blocking.
///
/// # Errors
/// [`WorkspaceError::Files`].
pub(in crate::workspace) fn keep(
    config: &Config,
    id: Id,
    layer: Id,
    entries: &[Entry],
) -> Result<(), WorkspaceError> {
    let listings = listings(config, id);
    fs::private_dir(&listings)?;
    baseline::write(&listings.join(layer.to_string()), entries)
}

/// Remove the listings of all layers but these. Blocking.
///
/// # Errors
/// [`WorkspaceError::Files`].
pub(in crate::workspace) fn prune(
    config: &Config,
    id: Id,
    layers: &[Id],
) -> Result<(), WorkspaceError> {
    let listings = listings(config, id);
    for name in fs::names_in(&listings)? {
        if !Id::parse(&name).is_ok_and(|layer| layers.contains(&layer)) {
            fs::remove_file(&listings.join(name))?;
        }
    }
    Ok(())
}

/// Give the nodes of a closed `layer` what its listing knows of them. Blocking.
///
/// # Errors
/// [`WorkspaceError::Files`].
pub(super) fn completed(
    config: &Config,
    id: Id,
    layer: Id,
    mut entries: Vec<Entry>,
) -> Result<Vec<Entry>, WorkspaceError> {
    let known = baseline::read(&listings(config, id).join(layer.to_string()))?.unwrap_or_default();
    let known: HashMap<TreePath, Entry> =
        known.into_iter().map(|entry| (entry.path.clone(), entry)).collect();
    for entry in &mut entries {
        match known.get(&entry.path) {
            Some(known) if is_like(entry, known) => entry.meta = known.meta,
            _ => {}
        }
    }
    Ok(entries)
}

fn is_like(of_layer: &Entry, listed: &Entry) -> bool {
    let told = |meta: &Meta| (meta.kind, meta.size, meta.mode, meta.mtime, meta.errno);
    told(&of_layer.meta) == told(&listed.meta) && of_layer.target == listed.target
}
