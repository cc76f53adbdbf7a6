//! Files for somebody else on the host: they appear whole, and replace nothing unless told to.

use super::fs::canonical;
use super::path::{HostPath, HostPathError, of_descriptor};
use super::staging::{MADE, Staging};
use pyro_tree::node;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufWriter, Write};
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
        let name = shown.file_name().ok_or_else(|| OutputFileError::Unnamed(shown.to_owned()))?;
        Ok(Self { dir: path.make_parent()?, name: name.to_owned(), path: shown.to_owned() })
    }

    /// See that an output would neither replace one of the `kept` directories nor what holds one, before any work is done
    /// for it.
    ///
    /// # Errors
    /// [`OutputFileError::Kept`], [`OutputFileError::Unnamed`].
    pub fn check_kept(path: &HostPath, kept: &[PathBuf]) -> Result<(), OutputFileError> {
        let shown = path.as_path();
        let name = shown.file_name().ok_or_else(|| OutputFileError::Unnamed(shown.to_owned()))?;
        let above = shown.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
        keeps(canonical(above).join(name), kept)
    }

    /// As [`Output::check_kept`], of the place that is held.
    ///
    /// # Errors
    /// [`OutputFileError::Kept`].
    pub fn keeps(&self, kept: &[PathBuf]) -> Result<(), OutputFileError> {
        keeps(self.place(), kept)
    }

    /// Where it is to appear, without links and `..`; what stands there already may be a link, which is not followed.
    #[must_use]
    pub fn place(&self) -> PathBuf {
        let above = std::fs::read_link(of_descriptor(&self.dir));
        above.map_or_else(|_| self.path.clone(), |above| above.join(&self.name))
    }

    /// See that no directory which holds something is there: what is no directory does not replace it.
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
            Errno::NOTEMPTY | Errno::EXIST => OutputFileError::Full { path: path.clone() },
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
    use std::fs;
    use std::io::Write;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    #[test]
    fn what_is_kept_and_what_holds_it_is_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        let kept = root.join("home/project");
        fs::create_dir_all(kept.join("dist")).unwrap();
        symlink(&kept, root.join("link")).unwrap();
        symlink(root.join("home"), root.join("way")).unwrap();
        let judge = |path: &Path| {
            let path = HostPath::from(path);
            let early = Output::check_kept(&path, &[root.join("link")]);
            let late = Output::prepare(&path, true).and_then(|output| output.keeps(&[root.join("link")]));
            (early, late)
        };
        for path in ["home", "home/project", "home/project/.", "way/project", "way/../home", "home/project/../project"]
        {
            let judged = judge(&root.join(path));
            let kept = |judged| matches!(judged, Err(OutputFileError::Kept { .. }));
            assert!(kept(judged.0) && kept(judged.1), "{path}");
        }
        for path in ["/", ".", "..", "home/project/.."] {
            let path = if path.contains('h') { root.join(path) } else { path.into() };
            let unnamed = |judged| matches!(judged, Err(OutputFileError::Unnamed(_)));
            let judged = judge(&path);
            assert!(unnamed(judged.0) && unnamed(judged.1), "{}", path.display());
        }
        for path in ["home/project/dist", "home/other", "home/proj", "way", "link"] {
            let judged = judge(&root.join(path));
            assert!(judged.0.is_ok() && judged.1.is_ok(), "{path}");
        }
        assert!(matches!(judge(&root.join("new/../home")).1, Err(OutputFileError::Kept { .. })), "made on the way");
    }

    #[test]
    fn the_place_of_an_output_is_its_own_and_not_where_a_link_there_leads() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        fs::create_dir(root.join("real")).unwrap();
        symlink("/etc/passwd", root.join("real/leak")).unwrap();
        symlink("real", root.join("way")).unwrap();
        let output = Output::prepare(&HostPath::from(root.join("way/leak")), true).unwrap();
        assert_eq!(output.place(), root.join("real/leak"));
    }

    #[test]
    fn a_file_replaces_a_directory_only_where_that_is_empty() {
        let dir = tempfile::tempdir().unwrap();
        let (full, empty) = (dir.path().join("full"), dir.path().join("empty"));
        fs::create_dir_all(full.join("x")).unwrap();
        fs::create_dir(&empty).unwrap();
        let prepare = |path: &Path| Output::prepare(&HostPath::from(path), true).unwrap();
        assert!(matches!(prepare(&full).check_file(), Err(OutputFileError::Full { .. })));
        let refused = NewFile::beside(prepare(&full)).unwrap().appear(true);
        assert!(matches!(refused, Err(OutputFileError::Full { .. })), "{refused:?}");
        assert!(full.join("x").is_dir());
        prepare(&empty).check_file().unwrap();
        NewFile::beside(prepare(&empty)).unwrap().appear(true).unwrap();
        assert!(empty.is_file());
        prepare(&empty).check_file().unwrap();
    }

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
