//! `OfflineDisk`: the filesystem on an image and its layers, read in this process; no kernel ever
//! mounts it.

use ext4_view::{Ext4, Ext4Error, Ext4Read, File};
use imago::file::File as HostFile;
use imago::qcow2::Qcow2;
use imago::raw::Raw;
use imago::{FormatAccess, FormatDriverBuilder, PermissiveImplicitOpenGate};
use std::io;
use std::path::{Path, PathBuf};

/// A disk that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    /// An image or a layer.
    #[error("cannot open {}", path.display())]
    Open {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The filesystem on it.
    #[error("cannot read the filesystem on {}", path.display())]
    Filesystem {
        /// The topmost layer.
        path: PathBuf,
        /// Why.
        #[source]
        source: Ext4Error,
    },
    /// A file on it.
    #[error("cannot read a file on the disk")]
    File(#[source] Ext4Error),
}

/// A filesystem as it was when its topmost layer was closed.
#[derive(Debug)]
pub struct OfflineDisk(Ext4);

struct Chain(FormatAccess<HostFile>);

impl Ext4Read for Chain {
    fn read(
        &mut self,
        start: u64,
        into: &mut [u8],
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        Ok(self.0.read(into, start)?)
    }
}

impl OfflineDisk {
    /// Open the filesystem on the raw `image` under qcow2 `layers`, bottom first.
    ///
    /// # Errors
    /// [`DiskError`].
    pub fn open(image: &Path, layers: &[PathBuf]) -> Result<Self, DiskError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| DiskError::Open { path, source }
        };
        // Only what is named here is opened: a layer's own words about others are never followed.
        let gate = PermissiveImplicitOpenGate::default;
        let raw = Raw::<HostFile>::builder_path(image).open(gate()).map_err(failed(image))?;
        let mut chain = FormatAccess::new(raw);
        for layer in layers {
            let builder =
                Qcow2::<HostFile>::builder_path(layer).backing(Some(chain)).data_file(None);
            let layer_disk = builder.open(gate()).map_err(failed(layer))?;
            if layer_disk.requires_external_data_file() {
                return Err(failed(layer)(io::Error::other(
                    "it names a file beside it for its data",
                )));
            }
            chain = FormatAccess::new(layer_disk);
        }
        let top = layers.last().map_or(image, PathBuf::as_path).to_owned();
        Ext4::load(Box::new(Chain(chain)))
            .map(Self)
            .map_err(|source| DiskError::Filesystem { path: top, source })
    }

    /// Give a file's content to `each`, part by part, and stop when that says so.
    ///
    /// # Errors
    /// [`DiskError::File`].
    pub fn read(&self, path: &[u8], mut each: impl FnMut(&[u8]) -> bool) -> Result<(), DiskError> {
        let mut file: File = self.0.open(path).map_err(DiskError::File)?;
        let mut part = vec![0; 64 * 1024];
        loop {
            let len = file.read_bytes(&mut part).map_err(DiskError::File)?;
            if len == 0 || !each(&part[..len]) {
                return Ok(());
            }
        }
    }
}
