//! Files for somebody else on the host: they appear whole, and replace nothing unless told to.

use super::path::{HostPath, HostPathError, of_descriptor};
use std::ffi::OsString;
use std::io::{self, BufWriter, Write};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use tempfile::NamedTempFile;

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
    /// Make the directories above an output, and see that it may be made.
    ///
    /// # Errors
    /// [`OutputFileError`].
    pub fn prepare(path: &HostPath, replace: bool) -> Result<Self, OutputFileError> {
        let shown = path.as_path();
        let Some(name) = shown.file_name() else {
            return Err(OutputFileError::Write { path: shown.to_owned(), source: io::ErrorKind::InvalidInput.into() });
        };
        if !replace && std::fs::symlink_metadata(shown).is_ok() {
            return Err(OutputFileError::Exists { path: shown.to_owned() });
        }
        Ok(Self { dir: path.make_parent()?, name: name.to_owned(), path: shown.to_owned() })
    }
}

/// A file that has no name of its own yet; dropped, it is gone.
#[derive(Debug)]
pub struct NewFile {
    file: BufWriter<NamedTempFile>,
    output: Output,
}

impl NewFile {
    /// Begin a file that is to appear there.
    ///
    /// # Errors
    /// [`OutputFileError::Write`].
    pub fn beside(output: Output) -> Result<Self, OutputFileError> {
        use std::os::unix::fs::PermissionsExt;
        // As any new file of this user: the umask takes its bits.
        let mode = std::fs::Permissions::from_mode(0o666);
        let made = tempfile::Builder::new().prefix(".pyro-").permissions(mode).tempfile_in(of_descriptor(&output.dir));
        let made = made.map_err(|source| OutputFileError::Write { path: output.path.clone(), source })?;
        Ok(Self { file: BufWriter::with_capacity(256 * 1024, made), output })
    }

    /// That a write failed.
    #[must_use]
    pub fn failed(&self, source: io::Error) -> OutputFileError {
        OutputFileError::Write { path: self.output.path.clone(), source }
    }

    /// Let it appear, durable.
    ///
    /// # Errors
    /// [`OutputFileError::Exists`] unless it may replace what is there.
    pub fn appear(self, replace: bool) -> Result<(), OutputFileError> {
        let Output { dir, name, path } = self.output;
        let failed = |source| OutputFileError::Write { path: path.clone(), source };
        let file = self.file.into_inner().map_err(|error| failed(error.into_error()))?;
        file.as_file().sync_all().map_err(failed)?;
        let place = of_descriptor(&dir).join(name);
        if replace {
            file.persist(&place).map_err(|error| failed(error.error))?;
        } else if let Err(error) = file.persist_noclobber(&place) {
            return Err(match error.error.kind() {
                io::ErrorKind::AlreadyExists => OutputFileError::Exists { path },
                _ => failed(error.error),
            });
        }
        rustix::fs::fsync(&dir).map_err(|errno| failed(errno.into()))
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
