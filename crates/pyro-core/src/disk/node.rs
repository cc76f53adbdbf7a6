//! `Node`: what a filesystem that nobody mounts says of one of its nodes.

use super::fault::DiskFault;
use super::way::{self, Found};
use ext4_view::{DirEntry, Ext4, FileType};
use pyro_protocol::TreePath;
use pyro_protocol::tree::{Kind, Time};
use serde::{Deserialize, Serialize};

/// A node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Where it is, relative to what was listed.
    pub path: TreePath,
    /// What it is, as `stat` has it in a mode; 0 where it cannot be understood.
    pub mode: u32,
    /// Length in bytes.
    pub size: u64,
    /// Last change of its content: seconds since 1970, and nanoseconds.
    pub mtime: (i64, u32),
    /// Where a link leads; empty where its reader does not take it, as with a name of more than 255
    /// bytes in it, which leads nowhere.
    #[serde(with = "serde_bytes")]
    pub target: Vec<u8>,
}

impl Node {
    /// What it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        Kind::from_mode(self.mode)
    }

    /// Last change of its content.
    #[must_use]
    pub fn modified(&self) -> Time {
        Time { seconds: self.mtime.0, nanoseconds: self.mtime.1 }
    }
}

/// The node that was found, listed as `path`.
pub(super) fn of_metadata(fs: &Ext4, found: &Found, path: TreePath) -> Node {
    let metadata = &found.metadata;
    let target = match metadata.is_symlink() {
        true => way::target(fs, found).unwrap_or_default(),
        false => Vec::new(),
    };
    let mtime = metadata.modified();
    Node {
        path,
        mode: type_bits(metadata.file_type()) | u32::from(metadata.mode() & 0o7777),
        size: metadata.len(),
        mtime: (mtime.seconds(), mtime.nanoseconds()),
        target,
    }
}

/// The node of a directory's entry, listed as `path` below `root`; nothing is found of one that
/// cannot be understood, which breaks nothing else.
pub(super) fn of_entry(
    fs: &Ext4,
    entry: &DirEntry,
    root: &[u8],
    path: TreePath,
) -> (Node, Option<Found>) {
    match entry.metadata() {
        Ok(metadata) => {
            let at = [root, b"/", path.as_bytes()].concat();
            let found = Found { path: at, metadata };
            (of_metadata(fs, &found, path), Some(found))
        }
        Err(error) => {
            tracing::debug!(%path, %error, "a node of a disk cannot be understood");
            (Node { path, mode: 0, size: 0, mtime: (0, 0), target: Vec::new() }, None)
        }
    }
}

/// What a node is.
pub(super) fn kind(file_type: FileType) -> Kind {
    Kind::from_mode(type_bits(file_type))
}

/// The bits of a mode that say what a node is.
fn type_bits(file_type: FileType) -> u32 {
    match file_type {
        FileType::Regular => 0o10_0000,
        FileType::Directory => 0o04_0000,
        FileType::Symlink => 0o12_0000,
        FileType::Fifo => 0o01_0000,
        FileType::Socket => 0o14_0000,
        FileType::BlockDevice => 0o06_0000,
        FileType::CharacterDevice => 0o02_0000,
    }
}

/// That a node is no file.
pub(super) fn no_file(found: &Found) -> DiskFault {
    DiskFault::NotFile {
        path: found.path.clone(),
        what: kind(found.metadata.file_type()).name().to_owned(),
    }
}
