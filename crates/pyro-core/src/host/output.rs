//! Files for somebody else on the host: they appear whole, and replace nothing unless told to.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
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

/// Make the directories above an output, and see that it may be made.
///
/// # Errors
/// [`OutputFileError`].
pub fn prepare(path: &Path, replace: bool) -> Result<(), OutputFileError> {
    let failed = |source| OutputFileError::Write { path: path.to_owned(), source };
    if path.file_name().is_none() {
        return Err(failed(io::ErrorKind::InvalidInput.into()));
    }
    if !replace && std::fs::symlink_metadata(path).is_ok() {
        return Err(OutputFileError::Exists { path: path.to_owned() });
    }
    std::fs::create_dir_all(parent(path)).map_err(failed)
}

/// A file that has no name of its own yet; dropped, it is gone.
#[derive(Debug)]
pub struct NewFile {
    file: BufWriter<NamedTempFile>,
    path: PathBuf,
}

impl NewFile {
    /// Begin a file that is to be `path`.
    ///
    /// # Errors
    /// [`OutputFileError::Write`].
    pub fn beside(path: &Path) -> Result<Self, OutputFileError> {
        use std::os::unix::fs::PermissionsExt;
        // As any new file of this user: the umask takes its bits.
        let mode = std::fs::Permissions::from_mode(0o666);
        let made = tempfile::Builder::new().prefix(".pyro-").permissions(mode).tempfile_in(parent(path));
        let made = made.map_err(|source| OutputFileError::Write { path: path.to_owned(), source })?;
        Ok(Self { file: BufWriter::with_capacity(256 * 1024, made), path: path.to_owned() })
    }

    /// That a write failed.
    #[must_use]
    pub fn failed(&self, source: io::Error) -> OutputFileError {
        OutputFileError::Write { path: self.path.clone(), source }
    }

    /// Let it appear, durable.
    ///
    /// # Errors
    /// [`OutputFileError::Exists`] unless it may replace what is there.
    pub fn appear(self, replace: bool) -> Result<(), OutputFileError> {
        let path = self.path;
        let failed = |source| OutputFileError::Write { path: path.clone(), source };
        let file = self.file.into_inner().map_err(|error| failed(error.into_error()))?;
        file.as_file().sync_all().map_err(failed)?;
        if replace {
            file.persist(&path).map_err(|error| failed(error.error))?;
        } else if let Err(error) = file.persist_noclobber(&path) {
            return Err(match error.error.kind() {
                io::ErrorKind::AlreadyExists => OutputFileError::Exists { path },
                _ => failed(error.error),
            });
        }
        let synced = std::fs::File::open(parent(&path)).and_then(|directory| directory.sync_all());
        synced.map_err(failed)
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

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::{NewFile, OutputFileError, prepare};
    use std::io::Write;

    #[test]
    fn an_output_appears_whole_and_replaces_only_when_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b/out");
        prepare(&path, false).unwrap();
        let mut file = NewFile::beside(&path).unwrap();
        file.write_all(b"new").unwrap();
        assert!(!path.exists());
        file.appear(false).unwrap();
        assert!(matches!(prepare(&path, false), Err(OutputFileError::Exists { .. })));
        let second = || NewFile::beside(&path).unwrap();
        assert!(matches!(second().appear(false), Err(OutputFileError::Exists { .. })));
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        second().appear(true).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"");
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing temporary stays");
    }
}
