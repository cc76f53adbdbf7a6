//! Why an archive is refused.

use super::name::TreeName;
use pyro_protocol::TreePath;
use pyro_protocol::tree_path::TreePathError;
use std::io;

/// Most entries of an archive.
pub(super) const MAX_ENTRIES: u64 = 5_000_000;

/// Longest sparse file of the old GNU format, in bytes: what the guest's ext4 can hold. Its holes
/// are read as zeros.
pub(super) const MAX_SPARSE_LEN: u64 = 16 << 40;

/// An archive that is refused.
#[derive(Debug, thiserror::Error)]
pub enum TarError {
    /// It cannot be read, or is no archive.
    #[error("cannot read the archive")]
    Io(#[from] io::Error),
    /// It ends before its end: it was cut, or nothing is in it at all.
    #[error(
        "the archive is incomplete: it ends without the two blocks of zeros that end every tar file"
    )]
    Truncated,
    /// Something stands behind its end.
    #[error("the archive has {0} after its end")]
    Trailing(&'static str),
    /// The holes of a sparse file make no sense.
    #[error("{name} cannot be unpacked: its list of holes is damaged or too long")]
    Map {
        /// Archive member that is refused.
        name: TreeName,
    },
    /// It is a sparse file of the old format of GNU tar that is longer than a file may be.
    #[error("{path} is longer than {} TiB, which no file of a workspace may be", MAX_SPARSE_LEN >> 40)]
    TooLong {
        /// Archive member that is refused.
        path: TreePath,
    },
    /// More zeros would stand in it than it may hold.
    #[error("{path} holds more holes than an archive has room for: {} GiB in all", limit >> 30)]
    Sparse {
        /// Archive member that is refused.
        path: TreePath,
        /// Most bytes of holes of all its files.
        limit: u64,
    },
    /// An entry's name leads out of the tree or is none.
    #[error("{name} cannot be unpacked: {source}")]
    Name {
        /// The name as it is there.
        name: TreeName,
        /// What is wrong with it.
        #[source]
        source: TreePathError,
    },
    /// An entry is something that cannot be carried.
    #[error("{name} is a {what}, which cannot be unpacked")]
    Special {
        /// The entry's name.
        name: TreeName,
        /// What it is.
        what: &'static str,
    },
    /// There are too many.
    #[error("the archive has more than {MAX_ENTRIES} entries")]
    TooMany,
}
