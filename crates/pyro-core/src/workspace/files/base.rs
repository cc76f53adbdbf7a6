//! The files of a baseline or another snapshot: on closed layers of a disk, or in a directory of
//! the host.

use super::baseline::Room;
use crate::backing::Backing;
use crate::config::Config;
use crate::disk::OfflineDisk;
use crate::environment::EnvironmentStore;
use crate::host::tree::{self, HostTreeError};
use crate::id::Id;
use crate::store::Store;
use crate::store::workspace::WorkspaceRecord;
use crate::workspace::error::WorkspaceError;
use crate::workspace::file_error::FileError;
use crate::workspace::layers::layer_files;
use crate::workspace::on_host;
use crate::workspace::paths::ROOT;
use crate::workspace::place::WorkspacePath;
use pyro_protocol::TreePath;
use pyro_protocol::tree::{Entry, Kind};
use std::path::PathBuf;
use tokio_util::sync::CancellationToken;

/// Where they are.
#[derive(Clone)]
pub(in crate::workspace) enum BasePlace {
    /// On the closed layers over an image, bottom first.
    Disk(PathBuf, Vec<PathBuf>),
    /// Below a directory.
    Tree(PathBuf),
}

impl BasePlace {
    /// Where those of a closed layer of a workspace are.
    pub(in crate::workspace) fn of_layer(
        config: &Config,
        store: &Store,
        workspace: &WorkspaceRecord,
        layer: Id,
    ) -> Result<Self, WorkspaceError> {
        let id = workspace.id;
        let backing = store.layer(layer)?.ok_or(FileError::NoBaseline { id })?.backing;
        let mut files = layer_files(config, store, workspace, layer)?;
        // One that nobody ever wrote to holds nothing, and has no file.
        files.pop_if(|top| !top.exists());
        Ok(match backing {
            Backing::Image(digest) => {
                Self::Disk(EnvironmentStore::new(config).image_of(digest.as_ref()).0, files)
            }
            Backing::HostTree => Self::Tree(on_host::tree(config, layer)),
        })
    }

    /// Begin to read.
    pub(in crate::workspace) fn open(&self) -> Result<Base<'_>, FileError> {
        Ok(match self {
            Self::Disk(image, layers) => Base::Disk(OfflineDisk::open(image, layers)?),
            Self::Tree(tree) => Base::Tree(tree),
        })
    }
}

/// They, open.
pub(in crate::workspace) enum Base<'a> {
    /// A filesystem that no kernel has mounted.
    Disk(OfflineDisk),
    /// A directory.
    Tree(&'a PathBuf),
}

impl Base<'_> {
    /// Give a file's content to `each`, part by part, and stop when that says so.
    pub(super) fn read(
        &self,
        path: &TreePath,
        each: impl FnMut(&[u8]) -> bool,
    ) -> Result<(), FileError> {
        match self {
            Self::Disk(disk) => {
                Ok(disk.read(WorkspacePath::root().join(path).guest().as_bytes(), each)?)
            }
            Self::Tree(root) => tree::read(root, path, each).map_err(FileError::Kept),
        }
    }

    /// Every node of `/workspace`, in the order of a walk.
    ///
    /// Where that is cancelled it is cut short: nobody waits for it.
    ///
    /// # Errors
    /// [`FileError::TooMany`] and [`FileError::TooLong`] for more than is kept in memory.
    pub(super) fn list(&self, ended: &CancellationToken) -> Result<Vec<Entry>, FileError> {
        let (mut entries, mut room) = (Vec::new(), Room::new());
        self.each_node(ended, |entry| {
            room.take(std::slice::from_ref(&entry))?;
            entries.push(entry);
            Ok(())
        })?;
        entries.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        Ok(entries)
    }

    /// How many nodes there are below `/workspace`, and how many bytes of files.
    ///
    /// # Errors
    /// [`FileError::TooMany`] and [`FileError::TooLong`] for more than is kept in memory.
    pub(in crate::workspace) fn count(
        &self,
        ended: &CancellationToken,
    ) -> Result<(u64, u64), FileError> {
        let (mut nodes, mut bytes, mut room) = (0, 0_u64, Room::new());
        self.each_node(ended, |entry| {
            room.take(std::slice::from_ref(&entry))?;
            nodes += u64::from(!entry.path.is_root());
            if entry.meta.kind == Kind::File {
                bytes = bytes.saturating_add(entry.meta.size);
            }
            Ok(())
        })?;
        Ok((nodes, bytes))
    }

    /// Give every node to `each`, until nobody waits for it any more.
    fn each_node(
        &self,
        ended: &CancellationToken,
        mut each: impl FnMut(Entry) -> Result<(), FileError>,
    ) -> Result<(), FileError> {
        let disk = match self {
            Self::Disk(disk) => disk,
            Self::Tree(root) => {
                let listed = tree::list(root, None, |entry| Ok(each(entry)?));
                return listed.map_err(|Unlisted(error)| error);
            }
        };
        let mut result = Ok(());
        disk.list(ROOT.as_bytes(), |entry| {
            result = each(entry);
            result.is_ok() && !ended.is_cancelled()
        })?;
        result
    }
}

/// Why a directory was not listed to its end.
struct Unlisted(FileError);

impl From<HostTreeError> for Unlisted {
    fn from(error: HostTreeError) -> Self {
        Self(FileError::Kept(error))
    }
}

impl From<FileError> for Unlisted {
    fn from(error: FileError) -> Self {
        Self(error)
    }
}
