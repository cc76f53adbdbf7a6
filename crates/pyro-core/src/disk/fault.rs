//! `DiskFault`: what is wrong with what a guest left on a disk, or with what is asked of it.

use pyro_patch::git::quote;
use serde::{Deserialize, Serialize};

/// Why something on a disk cannot be read. It crosses from the process that reads the disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum DiskFault {
    /// There is nothing at the path.
    #[error("there is no {} on the disk", quote::text(.0))]
    NotFound(#[serde(with = "serde_bytes")] Vec<u8>),
    /// Something on the way is no directory.
    #[error("{} is not a directory", quote::text(.0))]
    NotDirectory(#[serde(with = "serde_bytes")] Vec<u8>),
    /// It is no regular file.
    #[error("{} is a {what}, not a file", quote::text(path))]
    NotFile {
        /// Where.
        #[serde(with = "serde_bytes")]
        path: Vec<u8>,
        /// What it is.
        what: String,
    },
    /// Links lead to each other, or to a path that is too long.
    #[error("{}: too many links on the way, or too long a path", quote::text(.0))]
    Links(#[serde(with = "serde_bytes")] Vec<u8>),
    /// A directory that holds more than is read, or directories that hold each other.
    #[error("the directories on the disk are too many, or too deep")]
    Directories,
    /// It was not unmounted, and what its journal holds cannot be read.
    #[error("the filesystem on the disk was not unmounted, and its journal must be replayed first")]
    Journal,
    /// The filesystem makes no sense.
    #[error("the filesystem on the disk is damaged: {0}")]
    Unreadable(String),
}
