//! Which layers are read: those of a snapshot, or those of a workspace that is stopped.

use crate::config::Config;
use crate::disk::{self, DiskAnswer, DiskError, DiskQuery};
use crate::id::Id;
use crate::snapshot_name::Snapshot;
use crate::store::Store;
use crate::workspace::claim::find;
use crate::workspace::error::WorkspaceError;
use crate::workspace::file_error::FileError;
use crate::workspace::files::base::BasePlace;
use crate::workspace::layers::closed_layer;
use crate::workspace::stopped::Stopped;
use std::path::PathBuf;

/// A disk that nobody writes to.
pub(super) struct Source {
    /// The image that it stands on.
    pub(super) image: PathBuf,
    /// Its layers, bottom first.
    pub(super) layers: Vec<PathBuf>,
    /// The workspace, where it is its present disk.
    stopped: Option<Stopped>,
}

impl Source {
    /// The disk of a snapshot, or the present one of a workspace that is stopped.
    ///
    /// # Errors
    /// [`WorkspaceError::NotStopped`], [`WorkspaceError::DiskOnHost`],
    /// [`WorkspaceError::NoSuchSnapshot`].
    pub(super) async fn of(
        config: &Config,
        store: &Store,
        id: Id,
        snapshot: Option<&Snapshot>,
    ) -> Result<Self, WorkspaceError> {
        let (workspace, stopped) = match snapshot {
            Some(_) => (find(store, id)?, None),
            None => {
                let stopped = Stopped::find(config, id).await?;
                (stopped.workspace.clone(), Some(stopped))
            }
        };
        let layer = match snapshot {
            Some(snapshot) => closed_layer(store, &workspace, snapshot)?.0,
            None => workspace.top_layer.ok_or(WorkspaceError::NoDisk { id })?,
        };
        match BasePlace::of_layer(config, store, &workspace, layer)? {
            BasePlace::Disk(image, layers) => Ok(Self { image, layers, stopped }),
            BasePlace::Tree(_) => Err(WorkspaceError::DiskOnHost { id }),
        }
    }

    /// See that nobody has begun to write to it since.
    ///
    /// # Errors
    /// [`WorkspaceError::NotStopped`].
    pub(super) fn check(&self, store: &Store) -> Result<(), WorkspaceError> {
        self.stopped.as_ref().map_or(Ok(()), |stopped| stopped.check(store))
    }
}

/// Ask about the disk of a snapshot, or of a workspace that is stopped.
///
/// # Errors
/// [`FileError::OnDisk`]; those of [`Source::of`].
pub(super) async fn ask(
    config: &Config,
    id: Id,
    snapshot: Option<&Snapshot>,
    query: &DiskQuery,
) -> Result<DiskAnswer, WorkspaceError> {
    let store = Store::open(&config.data_dir)?;
    let source = Source::of(config, &store, id, snapshot).await?;
    let Source { image, layers, .. } = &source;
    let asked = disk::ask(&config.program, image.clone(), layers.clone(), query).await;
    // What a disk says that changes means nothing.
    source.check(&store)?;
    Ok(asked.map_err(failed)?)
}

/// A disk that could not be read.
pub(super) fn failed(error: DiskError) -> FileError {
    match error {
        DiskError::Fault(fault) => FileError::OnDisk(fault),
        error => FileError::Unread(error),
    }
}
