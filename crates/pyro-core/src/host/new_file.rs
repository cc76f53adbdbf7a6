//! Files for somebody else on the host: they appear whole, and replace nothing unless told to.

use super::output::{Output, OutputFileError};
use super::path::of_descriptor;
use super::staging::{MADE, Staging};
use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

/// A file that does not stand at its place yet; dropped, it is gone.
#[derive(Debug)]
pub struct NewFile {
    file: BufWriter<File>,
    place: Place,
}

/// Where it is until it appears.
#[derive(Debug)]
enum Place {
    /// In a directory of its own.
    Staged(Staging),
    /// It has no name: it goes with this process, however that ends.
    Unnamed(Output),
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
            let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
            // As any new file of this user: the umask takes its bits.
            let made =
                rustix::fs::openat(staging.inside(), MADE, flags, Mode::from_raw_mode(0o666))?;
            Ok(Self::of(made.into(), Place::Staged(staging)))
        };
        begin().map_err(|errno: Errno| OutputFileError::Write { path, source: errno.into() })
    }

    /// As [`NewFile::beside`], for a large one that is written at any place: where the filesystem
    /// can, it has no name until it appears, so that a killed process leaves nothing.
    ///
    /// # Errors
    /// [`OutputFileError::Write`].
    pub fn unnamed(output: Output) -> Result<Self, OutputFileError> {
        let flags = OFlags::RDWR | OFlags::TMPFILE | OFlags::CLOEXEC;
        match rustix::fs::openat(&output.dir, ".", flags, Mode::from_raw_mode(0o666)) {
            Ok(made) => Ok(Self::of(made.into(), Place::Unnamed(output))),
            // Not on every filesystem.
            Err(_) => Self::beside(output),
        }
    }

    fn of(file: File, place: Place) -> Self {
        Self { file: BufWriter::with_capacity(256 * 1024, file), place }
    }

    /// The file itself, for whoever writes nothing by [`Write`].
    #[must_use]
    pub fn file(&self) -> &File {
        self.file.get_ref()
    }

    fn path(&self) -> PathBuf {
        match &self.place {
            Place::Staged(staging) => staging.output.path.clone(),
            Place::Unnamed(output) => output.path.clone(),
        }
    }

    /// That a write failed.
    #[must_use]
    pub fn failed(&self, source: io::Error) -> OutputFileError {
        OutputFileError::Write { path: self.path(), source }
    }

    /// Let it appear, durable.
    ///
    /// # Errors
    /// [`OutputFileError::Exists`] unless it may replace what is there.
    pub fn appear(self, replace: bool) -> Result<(), OutputFileError> {
        let path = &self.path();
        let Self { file, place } = self;
        let failed = |source| OutputFileError::Write { path: path.clone(), source };
        let file = file.into_inner().map_err(|error| failed(error.into_error()))?;
        file.sync_all().map_err(failed)?;
        let staging = match place {
            Place::Staged(staging) => staging,
            Place::Unnamed(output) => named(&file, output).map_err(|errno| failed(errno.into()))?,
        };
        staging.file_appears(replace).map_err(|errno| match errno {
            Errno::EXIST if !replace => OutputFileError::Exists { path: path.clone() },
            Errno::NOTEMPTY | Errno::EXIST => OutputFileError::Full { path: path.clone() },
            errno => failed(errno.into()),
        })
    }
}

/// Give a file without a name one.
fn named(file: &File, output: Output) -> Result<Staging, Errno> {
    let staging = Staging::begin(output)?;
    let (from, flags) = (of_descriptor(file), AtFlags::SYMLINK_FOLLOW);
    rustix::fs::linkat(CWD, &from, staging.inside(), MADE, flags)?;
    Ok(staging)
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
    use super::NewFile;
    use crate::host::output::{Output, OutputFileError};
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
            let late =
                Output::prepare(&path, true).and_then(|output| output.keeps(&[root.join("link")]));
            (early, late)
        };
        for path in [
            "home",
            "home/project",
            "home/project/.",
            "way/project",
            "way/../home",
            "home/project/../project",
        ] {
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
        assert!(
            matches!(judge(&root.join("new/../home")).1, Err(OutputFileError::Kept { .. })),
            "made on the way"
        );
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
    fn a_file_without_a_name_leaves_nothing_and_appears_as_any_other() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out");
        let count = || fs::read_dir(dir.path()).unwrap().count();
        let new = |replace| {
            let output = Output::prepare(&HostPath::from(path.as_path()), replace).unwrap();
            NewFile::unnamed(output).unwrap()
        };
        let (first, second) = (new(false), new(false));
        assert_eq!(count(), 0);
        std::os::unix::fs::FileExt::write_all_at(first.file(), b"first", 0).unwrap();
        first.appear(false).unwrap();
        assert!(matches!(second.appear(false), Err(OutputFileError::Exists { .. })));
        assert_eq!((fs::read(&path).unwrap(), count()), (b"first".to_vec(), 1));
        new(true).appear(true).unwrap();
        assert_eq!((fs::read(&path).unwrap(), count()), (Vec::new(), 1));
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
        assert_eq!(
            std::fs::read_dir(path.parent().unwrap()).unwrap().count(),
            1,
            "nothing temporary stays"
        );
    }
}
