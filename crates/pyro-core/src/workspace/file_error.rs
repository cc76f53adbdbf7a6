//! What can go wrong with a workspace's files.

use super::place::PlaceError;
use super::source::SourceError;
use crate::archive::TarError;
use crate::disk::{DiskError, DiskFault};
use crate::host::output::OutputFileError;
use crate::host::tree::HostTreeError;
use crate::id::Id;
use pyro_patch::patch::PatchError;

/// A failure of an operation on files.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// A path is not below `/workspace`.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// A file is asked for, and this is the workspace as a whole.
    #[error("/workspace is a directory, not a file")]
    IsRoot,
    /// A link leads elsewhere.
    #[error("{0} is a link that leads out of the workspace")]
    Outside(String),
    /// Links lead to each other.
    #[error("{0}: too many links on the way")]
    Links(String),
    /// A page that begins where its listing has nothing.
    #[error("{after} is not below {path}")]
    After {
        /// Where it should begin.
        after: String,
        /// What is listed.
        path: String,
    },
    /// A path that neither of two compared states has.
    #[error("there is no {path} in either of the states that are compared")]
    Nowhere {
        /// What should be compared.
        path: String,
    },
    /// What is to be carried into a workspace cannot be.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// An archive of nothing, with which all would be deleted.
    #[error("the archive holds no files: a push of it that deletes would remove everything")]
    EmptyArchive,
    /// Directories in the workspace stand where files are to go, or files where directories are to
    /// go.
    #[error("in the way: {}", .0.join(", "))]
    InTheWay(Vec<String>),
    /// What comes out of a workspace cannot be written.
    #[error(transparent)]
    Output(HostTreeError),
    /// An archive or a patch cannot be written to the host.
    #[error(transparent)]
    NewFile(#[from] OutputFileError),
    /// The guest's tree does not fit an archive, or the archive cannot be written.
    #[error("cannot write the archive")]
    Archive(#[source] TarError),
    /// Nothing could be exported.
    #[error("{path} is a {what}, which cannot be exported")]
    Special {
        /// What was asked for.
        path: String,
        /// What it is.
        what: &'static str,
    },
    /// A file that git on the host would run, or be led by.
    #[error("{path} was written in the workspace, and git on this host would run it or follow it")]
    GitRuns {
        /// What was asked for.
        path: String,
    },
    /// An export into a repository's own directory.
    #[error("{} lies in a .git directory: git on this host would run what the workspace wrote", path.display())]
    IntoGit {
        /// Where it should go.
        path: std::path::PathBuf,
    },
    /// A patch that cannot be read, or does not fit.
    #[error(transparent)]
    Patch(#[from] PatchError),
    /// What the workspace began with is not known.
    #[error("what workspace {id} began with is not recorded")]
    NoBaseline {
        /// The workspace.
        id: Id,
    },
    /// What is asked of a disk, or what is on it.
    #[error(transparent)]
    OnDisk(DiskFault),
    /// A disk of a workspace cannot be read, or not be written to the host.
    #[error("cannot read the disk of the workspace")]
    Unread(#[source] DiskError),
    /// The host has no room for a disk, or does not take it.
    #[error("cannot write the disk of the workspace to {}", path.display())]
    Unwritten {
        /// Where it should be.
        path: std::path::PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A closed disk of the workspace cannot be read.
    #[error("cannot read an earlier state of the workspace")]
    Disk(#[from] DiskError),
    /// A kept directory of the workspace cannot be read.
    #[error("cannot read an earlier state of the workspace")]
    Kept(#[source] HostTreeError),
    /// More entries than are kept in memory.
    #[error("there are more than {0} files")]
    TooMany(usize),
    /// More bytes of names than are kept in memory.
    #[error("the names of the files are longer than {} MiB together", .0 >> 20)]
    TooLong(usize),
}
