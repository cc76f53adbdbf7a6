//! The place of an output on the host: judged before any work, then held.

use super::fs::canonical;
use super::path::{HostPath, HostPathError, of_descriptor};
use pyro_tree::node;
use rustix::fs::OFlags;
use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// An output that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum OutputFileError {
    /// Something is there.
    #[error("{} exists", path.display())]
    Exists {
        /// Where.
        path: PathBuf,
    },
    /// It names nothing that could appear: it ends in no name.
    #[error("{} names no new file or directory", .0.display())]
    Unnamed(PathBuf),
    /// What is there is not to be replaced, whoever allows it.
    #[error("{} is never replaced: it is, or holds, {}", path.display(), kept.display())]
    Kept {
        /// Where.
        path: PathBuf,
        /// What is to stay.
        kept: PathBuf,
    },
    /// A directory is there that is not empty, and what is to appear is none.
    #[error("{} is a directory that holds something", path.display())]
    Full {
        /// Where.
        path: PathBuf,
    },
    /// Its path leads elsewhere than when it was judged.
    #[error("a link has come onto the way to {}", .0.display())]
    Redirected(PathBuf),
    /// It cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl From<HostPathError> for OutputFileError {
    fn from(error: HostPathError) -> Self {
        match error {
            HostPathError::Redirected(path) => Self::Redirected(path),
            HostPathError::Fs(error) => Self::Write { path: error.path, source: error.source },
        }
    }
}

/// Where an output is to appear: a name in a directory that is held, wherever its path leads by
/// now.
#[derive(Debug)]
pub struct Output {
    pub(super) dir: OwnedFd,
    pub(super) name: OsString,
    pub(super) path: PathBuf,
}

impl Output {
    /// See whether an output may be made, before any work is done for it.
    ///
    /// # Errors
    /// [`OutputFileError::Exists`] unless it may replace what is there;
    /// [`OutputFileError::Redirected`].
    pub fn check(path: &HostPath, replace: bool) -> Result<(), OutputFileError> {
        match path.open("look at", OFlags::PATH | OFlags::NOFOLLOW) {
            Ok(_) if !replace => Err(OutputFileError::Exists { path: path.as_path().to_owned() }),
            Err(HostPathError::Redirected(path)) => Err(OutputFileError::Redirected(path)),
            _ => Ok(()),
        }
    }

    /// Make the directories above an output, and hold the one that it is to lie in.
    ///
    /// # Errors
    /// [`OutputFileError`].
    pub fn prepare(path: &HostPath, replace: bool) -> Result<Self, OutputFileError> {
        Self::check(path, replace)?;
        let shown = path.as_path();
        let name = shown.file_name().ok_or_else(|| OutputFileError::Unnamed(shown.to_owned()))?;
        Ok(Self { dir: path.make_parent()?, name: name.to_owned(), path: shown.to_owned() })
    }

    /// See that an output would neither replace one of the `kept` directories nor what holds one,
    /// before any work is done for it.
    ///
    /// # Errors
    /// [`OutputFileError::Kept`], [`OutputFileError::Unnamed`].
    pub fn check_kept(path: &HostPath, kept: &[PathBuf]) -> Result<(), OutputFileError> {
        let shown = path.as_path();
        let name = shown.file_name().ok_or_else(|| OutputFileError::Unnamed(shown.to_owned()))?;
        let above =
            shown.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
        keeps(canonical(above).join(name), kept)
    }

    /// As [`Output::check_kept`], of the place that is held.
    ///
    /// # Errors
    /// [`OutputFileError::Kept`].
    pub fn keeps(&self, kept: &[PathBuf]) -> Result<(), OutputFileError> {
        keeps(self.place(), kept)
    }

    /// Where it is to appear, without links and `..`; what stands there already may be a link,
    /// which is not followed.
    #[must_use]
    pub fn place(&self) -> PathBuf {
        let above = std::fs::read_link(of_descriptor(&self.dir));
        above.map_or_else(|_| self.path.clone(), |above| above.join(&self.name))
    }

    /// See that no directory which holds something is there: what is no directory does not replace
    /// it.
    ///
    /// # Errors
    /// [`OutputFileError::Full`].
    pub fn check_file(&self) -> Result<(), OutputFileError> {
        let Ok(there) = node::enter(self.dir.as_fd(), self.name.as_bytes()) else { return Ok(()) };
        let holds = |entry: io::Result<rustix::fs::DirEntry>| {
            entry.is_ok_and(|entry| !matches!(entry.file_name().to_bytes(), b"." | b".."))
        };
        let mut entries = rustix::fs::Dir::read_from(&there).into_iter().flatten();
        match entries.any(|entry| holds(entry.map_err(io::Error::from))) {
            true => Err(OutputFileError::Full { path: self.path.clone() }),
            false => Ok(()),
        }
    }
}

/// Nothing of what is kept lies at or below the place.
fn keeps(place: PathBuf, kept: &[PathBuf]) -> Result<(), OutputFileError> {
    match kept.iter().map(|kept| canonical(kept)).find(|kept| kept.starts_with(&place)) {
        Some(kept) => Err(OutputFileError::Kept { path: place, kept }),
        None => Ok(()),
    }
}
