//! What can go wrong with a disk that is read as a file of the host.

use super::fault::DiskFault;
use crate::host::program::ProgramError;
use ext4_view::Ext4Error;
use std::io;
use std::path::PathBuf;

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
    /// What is on it, or what is asked of it.
    #[error(transparent)]
    Fault(#[from] DiskFault),
    /// The process that reads it ended without an answer.
    #[error("the process that reads the disk gave no answer")]
    Reader(#[source] ProgramError),
    /// It cannot be written to a file.
    #[error("cannot write the disk to a file")]
    Export(#[source] io::Error),
    /// Whoever asked waits no more.
    #[error("cancelled")]
    Cancelled,
    /// A layer made of two.
    #[error("cannot merge two layers into {}", path.display())]
    Merge {
        /// The new one.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file on it.
    #[error("cannot read a file on the disk")]
    File(#[source] Ext4Error),
}
