//! Files for somebody else on the host: they appear whole, and replace nothing unless told to.

use super::path::{HostPath, HostPathError};
use super::staging::{MADE, Staging};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::fd::OwnedFd;
use std::path::PathBuf;

/// An output that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum OutputFileError {
    /// Something is there.
    #[error("{} exists", path.display())]
    Exists {
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

/// Where an output is to appear: a name in a directory that is held, wherever its path leads by now.
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
    /// [`OutputFileError::Exists`] unless it may replace what is there; [`OutputFileError::Redirected`].
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
        let Some(name) = shown.file_name() else {
            return Err(OutputFileError::Write { path: shown.to_owned(), source: io::ErrorKind::InvalidInput.into() });
        };
        Ok(Self { dir: path.make_parent()?, name: name.to_owned(), path: shown.to_owned() })
    }
}

/// A file that does not stand at its place yet; dropped, it is gone.
#[derive(Debug)]
pub struct NewFile {
    file: BufWriter<File>,
    staging: Staging,
}

impl NewFile {
    /// Begin a file that is to appear there.
    ///
    /// # Errors
    /// [`OutputFileError::Write`].
    pub fn beside(output: Output) -> Result<Self, OutputFileError> {
        let path = output.path.clone();
        let begin = || {
            let staging = Staging::begin(output)?;
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
            // As any new file of this user: the umask takes its bits.
            let made = rustix::fs::openat(staging.inside(), MADE, flags, Mode::from_raw_mode(0o666))?;
            Ok(Self { file: BufWriter::with_capacity(256 * 1024, made.into()), staging })
        };
        begin().map_err(|errno: Errno| OutputFileError::Write { path, source: errno.into() })
    }

    /// That a write failed.
    #[must_use]
    pub fn failed(&self, source: io::Error) -> OutputFileError {
        OutputFileError::Write { path: self.staging.output.path.clone(), source }
    }

    /// Let it appear, durable.
    ///
    /// # Errors
    /// [`OutputFileError::Exists`] unless it may replace what is there.
    pub fn appear(self, replace: bool) -> Result<(), OutputFileError> {
        let Self { file, staging } = self;
        let path = &staging.output.path;
        let failed = |source| OutputFileError::Write { path: path.clone(), source };
        let file = file.into_inner().map_err(|error| failed(error.into_error()))?;
        file.sync_all().map_err(failed)?;
        staging.file_appears(replace).map_err(|errno| match errno {
            Errno::EXIST if !replace => OutputFileError::Exists { path: path.clone() },
            errno => failed(errno.into()),
        })
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::{NewFile, Output, OutputFileError};
    use crate::host::path::HostPath;
    use std::io::Write;

    #[test]
    fn an_output_appears_whole_and_replaces_only_when_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b/out");
        let prepare = |replace| Output::prepare(&HostPath::from(path.as_path()), replace);
        let mut file = NewFile::beside(prepare(false).unwrap()).unwrap();
        let mut late = NewFile::beside(prepare(false).unwrap()).unwrap();
        file.write_all(b"new").unwrap();
        assert!(!path.exists());
        file.appear(false).unwrap();
        assert!(matches!(prepare(false), Err(OutputFileError::Exists { .. })));
        late.write_all(b"late").unwrap();
        assert!(matches!(late.appear(false), Err(OutputFileError::Exists { .. })));
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        NewFile::beside(prepare(true).unwrap()).unwrap().appear(true).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"");
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing temporary stays");
    }
}
