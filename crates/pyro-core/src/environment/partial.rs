//! An installation in progress: a directory in the cache that is removed unless everything went
//! well.

use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::host::fs::{self, FsError};
use crate::host::program::{self, OutputOf};

/// What names of such directories begin with.
const PREFIX: &str = ".partial-";
/// How long their removal in a user namespace may take.
const REMOVAL_SECONDS: &str = "60";

/// The directory; dropping it removes it with all that it holds.
#[derive(Debug)]
pub(super) struct Partial {
    dir: PathBuf,
    path: OsString,
}

impl Partial {
    /// A new one. Whoever makes it holds the cache's lock; so every other one is a leftover.
    pub(super) fn create(cache: &Path, path: &OsStr) -> Result<Self, FsError> {
        Ok(Self { dir: fs::unique_dir(cache, PREFIX)?, path: path.to_owned() })
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.dir, &self.path) {
            tracing::warn!("{error}: {}; the next installation removes it", error.source);
        }
    }
}

/// Remove what interrupted installations left, and say what that was. The caller holds the cache's
/// lock.
pub(super) fn remove_all(cache: &Path, path: &OsStr) -> Result<Vec<String>, FsError> {
    let names: Vec<_> =
        fs::names_in(cache)?.into_iter().filter(|name| name.starts_with(PREFIX)).collect();
    for name in &names {
        remove(&cache.join(name), path)?;
    }
    Ok(names)
}

/// Remove a directory that may hold files of the user's subordinate ids, which only root of a user
/// namespace can.
fn remove(dir: &Path, path: &OsStr) -> Result<(), FsError> {
    let Err(error) = fs::remove_tree(dir) else { return Ok(()) };
    // Processes that were just killed may have written a last file meanwhile: that is worth a
    // second try too.
    if !matches!(error.source.kind(), ErrorKind::PermissionDenied | ErrorKind::DirectoryNotEmpty) {
        return Err(error);
    }
    if let (Some(timeout), Some(unshare)) =
        (program::find(path, "timeout"), program::find(path, "unshare"))
    {
        let words = [
            "--user",
            "--map-root-user",
            "--map-auto",
            "--",
            "rm",
            "-rf",
            "--one-file-system",
            "--",
        ];
        let words = words.map(OsStr::new).into_iter().chain([dir.as_os_str()]);
        let bound = ["-s", "KILL", REMOVAL_SECONDS]
            .map(OsStr::new)
            .into_iter()
            .chain([unshare.as_os_str()]);
        if let Ok(removal) = OutputOf::start(&timeout, bound.chain(words)) {
            let _ = removal.finish();
        }
    }
    fs::remove_tree(dir)
}
