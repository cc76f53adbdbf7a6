//! What cannot be carried into a workspace.

use crate::archive::TarError;
use crate::guest::archive::NoMore;
use crate::host::fs::FsError;
use crate::host::path::HostPathError;
use crate::host::tree::HostTreeError;
use std::path::PathBuf;

/// What cannot be carried into a workspace.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// It cannot be looked at.
    #[error(transparent)]
    Fs(#[from] FsError),
    /// Its path leads elsewhere than when it was judged.
    #[error("a link has come onto the way to {}", .0.display())]
    Redirected(PathBuf),
    /// It is neither a directory nor called as an archive is.
    #[error("{} is neither a directory nor a .tar, .tar.gz, .tar.bz2, .tar.xz or .tar.zst file", .0.display())]
    Neither(PathBuf),
    /// Rules for a checkout, and it is an archive.
    #[error("{} is an archive: only a directory has ignore rules", .0.display())]
    NoRules(PathBuf),
    /// The directory.
    #[error(transparent)]
    Tree(#[from] HostTreeError),
    /// The archive.
    #[error(transparent)]
    Archive(#[from] TarError),
    /// Its rules take too long: what they leave out is not known.
    #[error("matching the ignore rules of {} takes too long", .0.display())]
    Rules(PathBuf),
    /// It did not stay as it was for as long as it was read.
    #[error("{0} changed while it was read")]
    Changed(String),
    /// The guest has ended it.
    #[error(transparent)]
    NoMore(#[from] NoMore),
}

impl From<HostPathError> for SourceError {
    fn from(error: HostPathError) -> Self {
        match error {
            HostPathError::Redirected(path) => Self::Redirected(path),
            HostPathError::Fs(error) => Self::Fs(error),
        }
    }
}
