//! The files that a workspace began with: on closed layers of a disk, or in a directory of the
//! host.

use crate::backing::Backing;
use crate::disk::OfflineDisk;
use crate::environment::EnvironmentStore;
use crate::host::tree;
use crate::workspace::error::WorkspaceError;
use crate::workspace::file_error::FileError;
use crate::workspace::layers::layer_files;
use crate::workspace::on_host;
use crate::workspace::place::WorkspacePath;
use crate::workspace::running::Running;
use pyro_protocol::TreePath;
use std::path::PathBuf;

/// Where they are.
pub(super) enum BasePlace {
    /// On the closed layers over an image, bottom first.
    Disk(PathBuf, Vec<PathBuf>),
    /// Below a directory.
    Tree(PathBuf),
}

impl BasePlace {
    /// Where those of a workspace are.
    pub(super) fn of(running: &Running<'_>) -> Result<Self, WorkspaceError> {
        let (config, store, id) = (running.config, &running.store, running.workspace.id);
        let baseline = running.workspace.baseline_layer.ok_or(FileError::NoBaseline { id })?;
        let layer = store.layer(baseline)?.ok_or(FileError::NoBaseline { id })?;
        let files = layer_files(config, store, &running.workspace, baseline)?;
        Ok(match layer.backing {
            Backing::Image(digest) => {
                Self::Disk(EnvironmentStore::new(config).image_of(digest.as_ref()).0, files)
            }
            Backing::HostTree => Self::Tree(on_host::tree(config, baseline)),
        })
    }

    /// Begin to read.
    pub(super) fn open(&self) -> Result<Base<'_>, FileError> {
        Ok(match self {
            Self::Disk(image, layers) => Base::Disk(OfflineDisk::open(image, layers)?),
            Self::Tree(tree) => Base::Tree(tree),
        })
    }
}

/// They, open.
pub(super) enum Base<'a> {
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
}
