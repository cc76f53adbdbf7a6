//! Directories and files that are this user's alone.

use super::error::{FsError, at};
use super::look::metadata;
use rustix::fs::{FileType, Mode};
use std::fs::{DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Create a directory and its parents, readable by this user only where they are new.
///
/// # Errors
/// When one of them cannot be created.
pub fn private_dir(path: &Path) -> Result<(), FsError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(at("create", path))
}

/// As [`private_dir`], for a directory of pyro's own: one that is there must be this user's. Others
/// lose their rights to it where it holds `mark` or nothing: then nobody else uses it.
///
/// # Errors
/// When it cannot be created, is another user's, or is everybody's to write to as `/tmp` is.
pub fn own_dir(path: &Path, mark: &str) -> Result<(), FsError> {
    private_dir(path)?;
    let there = metadata(path)?;
    let refused =
        |why: String| at("use", path)(io::Error::new(io::ErrorKind::PermissionDenied, why));
    let user = rustix::process::geteuid().as_raw();
    if there.uid() != user {
        return Err(refused(format!(
            "it belongs to user {}, and this is user {user}",
            there.uid()
        )));
    }
    let mode = there.mode() & 0o7777;
    if mode & 0o1002 == 0o1002 {
        return Err(refused("every user may write to it".to_owned()));
    }
    let is_ours = || {
        path.join(mark).exists()
            || std::fs::read_dir(path).is_ok_and(|mut held| held.next().is_none())
    };
    if mode & 0o077 == 0 || !is_ours() { Ok(()) } else { deprive(path, mode) }
}

/// Make a file that only this user may read and write, unless it is there, and take others' rights
/// to one that is. It is not opened: closing it would end the locks that this process has on it.
///
/// # Errors
/// When others have rights to it that cannot be taken.
pub fn own_file(path: &Path) -> Result<(), FsError> {
    // Where that fails, whoever opens the file is told why.
    let _ = rustix::fs::mknodat(
        rustix::fs::CWD,
        path,
        FileType::RegularFile,
        Mode::RUSR | Mode::WUSR,
        0,
    );
    keep_file_own(path)
}

/// Take others' rights to a file of this user's; one that is not there is fine.
///
/// # Errors
/// When that fails.
pub fn keep_file_own(path: &Path) -> Result<(), FsError> {
    match metadata(path) {
        Ok(there) => deprive(path, there.mode() & 0o7777),
        Err(_) => Ok(()),
    }
}

fn deprive(path: &Path, mode: u32) -> Result<(), FsError> {
    if mode & 0o077 == 0 {
        return Ok(());
    }
    std::fs::set_permissions(path, Permissions::from_mode(mode & !0o077))
        .map_err(at("protect", path))
}

/// A new directory inside `parent`, named `prefix` and something random, readable by this user
/// only.
///
/// # Errors
/// When it cannot be created.
pub fn unique_dir(parent: &Path, prefix: &str) -> Result<PathBuf, FsError> {
    tempfile::Builder::new()
        .prefix(prefix)
        .rand_bytes(8)
        .permissions(Permissions::from_mode(0o700))
        .tempdir_in(parent)
        .map(tempfile::TempDir::keep)
        .map_err(at("create a directory in", parent))
}

/// A new directory inside `parent` that is removed when the value is dropped.
///
/// # Errors
/// When it cannot be created.
pub fn scratch_dir(parent: &Path) -> Result<tempfile::TempDir, FsError> {
    tempfile::Builder::new()
        .prefix("pyro-")
        .tempdir_in(parent)
        .map_err(at("create a directory in", parent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_of_our_own_is_ours_alone() {
        let dir = tempfile::tempdir().unwrap();
        let mode = |path: &Path| metadata(path).unwrap().mode() & 0o7777;
        let set = |path: &Path, mode| {
            std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap()
        };
        let own = dir.path().join("a/own");
        own_dir(&own, "mark").unwrap();
        assert_eq!(mode(&own), 0o700);
        set(&own, 0o755);
        own_dir(&own, "mark").unwrap();
        assert_eq!(mode(&own), 0o700);
        // What holds other things is somebody else's as well.
        set(&own, 0o755);
        std::fs::write(own.join("other"), "").unwrap();
        own_dir(&own, "mark").unwrap();
        assert_eq!(mode(&own), 0o755);
        std::fs::write(own.join("mark"), "").unwrap();
        own_dir(&own, "mark").unwrap();
        assert_eq!(mode(&own), 0o700);
        set(&own, 0o1777);
        assert!(own_dir(&own, "mark").unwrap_err().source.to_string().contains("every user"));
        assert_eq!(mode(&own), 0o1777, "what all use is left to them");
        set(&own, 0o700);
        let other = if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(&own, Some(65534), None).unwrap();
            own.as_path()
        } else {
            Path::new("/usr")
        };
        let before = mode(other);
        assert!(own_dir(other, "mark").unwrap_err().source.to_string().contains("belongs to user"));
        assert_eq!(mode(other), before);
    }
}
