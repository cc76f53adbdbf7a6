//! Writes that happen whole or not at all, and what makes them durable.

use super::error::{FsError, at};
use super::read::open;
use std::fs::Permissions;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Write a file whole or not at all: a temporary file beside it, fsync, rename, fsync of the
/// directory.
///
/// # Errors
/// When any step fails; the temporary file is then removed and the old file is as it was.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), FsError> {
    let write = at("write", path);
    let parent = parent(path);
    let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(parent).map_err(&write)?;
    file.write_all(bytes).map_err(&write)?;
    file.as_file().sync_all().map_err(&write)?;
    file.persist(path).map_err(|error| write(error.error))?;
    sync_dir(parent)
}

/// Write a file whole unless it is there already; false when it was.
///
/// # Errors
/// When it cannot be written.
pub fn write_first(path: &Path, bytes: &[u8]) -> Result<bool, FsError> {
    let write = at("write", path);
    let mut file =
        tempfile::Builder::new().prefix(".new-").tempfile_in(parent(path)).map_err(&write)?;
    file.write_all(bytes).map_err(&write)?;
    match file.persist_noclobber(path) {
        Ok(_) => Ok(true),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(write(error.error)),
    }
}

/// Write a new file inside a directory that nobody else looks at yet.
///
/// # Errors
/// When it cannot be written.
pub fn write_new(path: &Path, bytes: &[u8]) -> Result<(), FsError> {
    std::fs::write(path, bytes).map_err(at("write", path))
}

/// Move a file or a directory within a file system, and make the move durable.
///
/// # Errors
/// When it cannot be moved.
pub fn rename(from: &Path, to: &Path) -> Result<(), FsError> {
    std::fs::rename(from, to).map_err(at("move into place", to))?;
    sync_dir(parent(to))
}

/// Move a file or a directory within a file system; after a power cut the move may not have
/// happened.
///
/// # Errors
/// When it cannot be moved.
pub fn rename_unsynced(from: &Path, to: &Path) -> Result<(), FsError> {
    std::fs::rename(from, to).map_err(at("move into place", to))
}

/// Set a file's times to now.
///
/// # Errors
/// When they cannot be set.
pub fn touch(path: &Path) -> Result<(), FsError> {
    let now = std::time::SystemTime::now();
    let times = std::fs::FileTimes::new().set_accessed(now).set_modified(now);
    open(path)?.set_times(times).map_err(at("touch", path))
}

/// Make `link` point to `target`, replacing what stood there in one step.
///
/// # Errors
/// When the link cannot be made.
pub fn symlink(target: &Path, link: &Path) -> Result<(), FsError> {
    let action = at("link", link);
    let parent = parent(link);
    let temporary = tempfile::Builder::new()
        .prefix(".new-")
        .make_in(parent, |path| std::os::unix::fs::symlink(target, path))
        .map_err(&action)?;
    temporary.into_temp_path().persist(link).map_err(|error| action(error.error))
}

/// Take away everybody's right to write to a file, against accidents.
///
/// # Errors
/// When the file is not this user's.
pub fn set_read_only(path: &Path) -> Result<(), FsError> {
    std::fs::set_permissions(path, Permissions::from_mode(0o444)).map_err(at("protect", path))
}

/// Flush a file's content to the disk.
///
/// # Errors
/// When the disk refuses it; a full disk shows here at the latest.
pub fn sync_file(path: &Path) -> Result<(), FsError> {
    open(path)?.sync_all().map_err(at("flush", path))
}

/// Flush a directory's entries to the disk.
///
/// # Errors
/// When the disk refuses it.
pub fn sync_dir(path: &Path) -> Result<(), FsError> {
    open(path)?.sync_all().map_err(at("flush", path))
}

/// Flush everything that was written to the file system which holds `path`.
///
/// # Errors
/// When the disk refuses it.
pub fn sync_all_of(path: &Path) -> Result<(), FsError> {
    rustix::fs::syncfs(open(path)?).map_err(|errno| at("flush", path)(errno.into()))
}

/// The directory that holds `path`.
fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fs::{Stamp, names_in, read_bounded};

    #[test]
    fn an_atomic_write_replaces_whole_and_leaves_nothing_beside() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("record");
        write_atomic(&path, b"one").unwrap();
        let before = Stamp::of(&path).unwrap();
        write_atomic(&path, b"two").unwrap();
        assert_eq!(read_bounded(&path, 3).unwrap(), b"two");
        assert_ne!(Stamp::of(&path).unwrap(), before);
        assert_eq!(names_in(dir.path()).unwrap(), ["record"]);
        assert!(write_atomic(&dir.path().join("no/such/dir"), b"").unwrap_err().is_not_found());
    }

    #[test]
    fn a_link_is_replaced_in_one_step() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("link");
        symlink(Path::new("a"), &link).unwrap();
        symlink(Path::new("b"), &link).unwrap();
        assert_eq!(std::fs::read_link(&link).unwrap(), Path::new("b"));
        assert_eq!(names_in(dir.path()).unwrap(), ["link"]);
    }
}
