//! What can be known of files without opening them.

use super::error::{FsError, at};
use serde::{Deserialize, Serialize};
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Identity and times of a file: equal stamps mean that nobody wrote to it, without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    size: u64,
    mtime_ns: i128,
    ctime_ns: i128,
    inode: u64,
    device: u64,
}

impl Stamp {
    /// The stamp of a file; symbolic links are followed.
    ///
    /// # Errors
    /// When the file cannot be looked at.
    pub fn of(path: &Path) -> Result<Self, FsError> {
        Ok(Self::from_metadata(&metadata(path)?))
    }

    fn from_metadata(meta: &Metadata) -> Self {
        let nanoseconds =
            |seconds: i64, rest: i64| i128::from(seconds) * 1_000_000_000 + i128::from(rest);
        Self {
            size: meta.size(),
            mtime_ns: nanoseconds(meta.mtime(), meta.mtime_nsec()),
            ctime_ns: nanoseconds(meta.ctime(), meta.ctime_nsec()),
            inode: meta.ino(),
            device: meta.dev(),
        }
    }
}

/// How long ago a file was last written to, where the clock can tell.
#[must_use]
pub fn age(path: &Path) -> Option<Duration> {
    std::fs::metadata(path).ok()?.modified().ok()?.elapsed().ok()
}

/// What a file takes of the disk, in bytes: its holes take nothing.
///
/// # Errors
/// [`FsError`].
pub fn used_bytes(path: &Path) -> Result<u64, FsError> {
    use std::os::unix::fs::MetadataExt;
    Ok(metadata(path)?.blocks() * 512)
}

/// What the kernel knows of a path; symbolic links are followed.
///
/// # Errors
/// When there is no such file or it cannot be looked at.
pub fn metadata(path: &Path) -> Result<Metadata, FsError> {
    std::fs::metadata(path).map_err(at("look at", path))
}

/// A path with no link and no `..` in it; as it is where that cannot be had.
#[must_use]
pub fn canonical(path: &Path) -> PathBuf {
    std::fs::canonicalize(path)
        .or_else(|_| std::path::absolute(path))
        .unwrap_or_else(|_| path.to_owned())
}

/// The names in a directory, sorted; a directory that is not there is empty, names that are not
/// UTF-8 are left out.
///
/// # Errors
/// When the directory cannot be read.
pub fn names_in(path: &Path) -> Result<Vec<String>, FsError> {
    let entries = match std::fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(at("list", path)(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry.map_err(at("list", path))?.file_name().into_string().ok());
    }
    names.sort();
    Ok(names)
}

/// Bytes that this user may still write to the file system that holds `path`.
///
/// # Errors
/// When the file system does not say.
pub fn free_bytes(path: &Path) -> Result<u64, FsError> {
    let stat =
        nix::sys::statvfs::statvfs(path).map_err(|errno| at("measure", path)(errno.into()))?;
    Ok(stat.blocks_available().saturating_mul(stat.fragment_size()))
}
