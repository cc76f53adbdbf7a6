//! The baseline's manifest: every node of `/workspace` as it was at create, kept on the host.

use crate::config::Config;
use crate::guest::tree;
use crate::host::fs;
use crate::id::Id;
use crate::workspace::error::WorkspaceError;
use crate::workspace::file_error::FileError;
use crate::workspace::paths::ROOT;
use crate::workspace::paths::directory;
use pyro_protocol::files::List;
use pyro_protocol::tree::{Batch, Entry, Record, Records};
use pyro_protocol::{GuestPath, TreePath};
use std::path::{Path, PathBuf};
use tokio::io::{AsyncRead, AsyncWrite};

/// Most nodes of a workspace that are kept in memory.
pub const MAX_ENTRIES: usize = 2_000_000;

/// Most bytes of the names and targets of these nodes.
pub const MAX_NAMES: usize = 256 << 20;

/// First bytes of a manifest; its records follow as they are on the wire.
const MAGIC: &[u8; 8] = b"pyrobas1";

/// Longest manifest, in bytes.
const MAX_LEN: u64 = 1 << 30;

/// Every node at or below a path of the guest, in the order of a walk.
///
/// # Errors
/// [`WorkspaceError::Guest`]; [`FileError::TooMany`] and [`FileError::TooLong`] for more than is
/// kept in memory.
pub async fn manifest<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    root: GuestPath,
    follow: bool,
) -> Result<Vec<Entry>, WorkspaceError> {
    let request = List {
        root,
        follow,
        depth: None,
        after: None,
        limit: Some(MAX_ENTRIES as u64 + 1),
        exclude: Vec::new(),
    };
    let mut listing = tree::list(stream, request).await.map_err(WorkspaceError::Guest)?;
    let (mut entries, mut room) = (Vec::new(), Room::new());
    while let Some(some) = listing.next().await.map_err(WorkspaceError::Guest)? {
        room.take(&some)?;
        entries.extend(some);
    }
    Ok(entries)
}

/// How much of a tree may still be kept in memory.
pub(super) struct Room {
    entries: usize,
    names: usize,
}

impl Room {
    pub(super) fn new() -> Self {
        Self { entries: MAX_ENTRIES, names: MAX_NAMES }
    }

    pub(super) fn take(&mut self, some: &[Entry]) -> Result<(), FileError> {
        let names = some.iter().map(|entry| entry.path.as_bytes().len() + entry.target.len()).sum();
        self.entries =
            self.entries.checked_sub(some.len()).ok_or(FileError::TooMany(MAX_ENTRIES))?;
        self.names = self.names.checked_sub(names).ok_or(FileError::TooLong(MAX_NAMES))?;
        Ok(())
    }
}

/// `/workspace` as it is.
///
/// # Errors
/// [`WorkspaceError::Guest`].
pub async fn present<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
) -> Result<Vec<Entry>, WorkspaceError> {
    manifest(stream, GuestPath::parse(ROOT.as_bytes()).unwrap_or_else(|_| GuestPath::root()), true)
        .await
}

fn path(config: &Config, id: Id) -> PathBuf {
    directory(config, id).join("baseline")
}

/// Keep the manifest of a baseline. Blocking.
///
/// # Errors
/// [`WorkspaceError::Files`].
pub fn keep(config: &Config, id: Id, entries: &[Entry]) -> Result<(), WorkspaceError> {
    fs::private_dir(&directory(config, id))?;
    write(&path(config, id), entries)
}

/// Write a manifest. Blocking.
///
/// # Errors
/// [`WorkspaceError::Files`].
pub(super) fn write(path: &Path, entries: &[Entry]) -> Result<(), WorkspaceError> {
    let mut bytes = MAGIC.to_vec();
    let mut batch = Batch::with_room();
    for entry in entries {
        batch.entry(entry.path.as_bytes(), &entry.meta, &entry.target);
        if batch.is_full() {
            bytes.extend_from_slice(batch.payload());
            batch = Batch::with_room();
        }
    }
    bytes.extend_from_slice(batch.payload());
    Ok(fs::write_atomic(path, &bytes)?)
}

/// The manifest of a baseline that was kept. Blocking.
///
/// # Errors
/// [`FileError::NoBaseline`].
pub fn kept(config: &Config, id: Id) -> Result<Vec<Entry>, WorkspaceError> {
    Ok(read(&path(config, id))?.ok_or(FileError::NoBaseline { id })?)
}

/// A manifest that was written; none where there is none, or something else. Blocking.
///
/// # Errors
/// [`WorkspaceError::Files`].
pub(super) fn read(path: &Path) -> Result<Option<Vec<Entry>>, WorkspaceError> {
    let bytes = match fs::read_bounded(path, MAX_LEN) {
        Err(error) if error.is_not_found() => return Ok(None),
        read => read?,
    };
    let Some(records) = bytes.strip_prefix(MAGIC) else { return Ok(None) };
    let mut entries = Vec::new();
    for record in Records::new(records) {
        let Ok(Record::Entry { path, meta, target }) = record else { return Ok(None) };
        let Ok(path) = TreePath::parse(path) else { return Ok(None) };
        entries.push(Entry { path, meta, target: target.to_vec() });
    }
    Ok(Some(entries))
}

/// Give a fork the manifest of what it was made from. Blocking.
///
/// # Errors
/// [`WorkspaceError::Files`].
pub fn inherit(config: &Config, from: Id, to: Id) -> Result<(), WorkspaceError> {
    let bytes = match fs::read_bounded(&path(config, from), MAX_LEN) {
        // Of a workspace that is older than manifests.
        Err(error) if error.is_not_found() => return Ok(()),
        read => read?,
    };
    fs::private_dir(&directory(config, to))?;
    Ok(fs::write_atomic(&path(config, to), &bytes)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pyro_protocol::tree::{Kind, Meta};

    #[test]
    fn a_manifest_is_bounded_by_its_nodes_and_by_their_names() {
        let link = |path: &str| {
            let path = TreePath::parse(path.as_bytes()).unwrap();
            Entry { path, meta: Meta::new(Kind::Symlink, 0o777), target: b"to".to_vec() }
        };
        let some = [link("a"), link("bc")];
        let mut room = Room { entries: 3, names: 13 };
        room.take(&some).unwrap();
        assert!(matches!(room.take(&some), Err(FileError::TooMany(_))));
        let mut room = Room { entries: 9, names: 13 };
        room.take(&some).unwrap();
        assert!(matches!(room.take(&some), Err(FileError::TooLong(_))));
    }
}
