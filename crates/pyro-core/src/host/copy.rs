//! A directory of the host copied with all that it holds: whole, or not at all.

use super::fs::{self, FsError};
use super::tree::{self, HostTreeError};
use pyro_protocol::tree::{RecordError, Records};
use pyro_tree::{Placer, Placing, TreeError};
use rustix::io::Errno;
use std::path::Path;

/// A directory that was not copied; there is nothing of the copy.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// One of the two.
    #[error(transparent)]
    Files(#[from] FsError),
    /// Something in the one that is read.
    #[error(transparent)]
    From(#[from] HostTreeError),
    /// Something in the one that is made.
    #[error(transparent)]
    To(#[from] TreeError),
    /// The two do not understand each other.
    #[error("the copy is malformed")]
    Record(#[from] RecordError),
    /// It was told to stop.
    #[error("the copy was stopped")]
    Stopped,
}

impl CopyError {
    /// Whether the file system or the user's quota is full.
    #[must_use]
    pub fn is_full(&self) -> bool {
        match self {
            Self::Files(error) => error.is_full(),
            Self::To(error) => matches!(error.errno(), Some(Errno::NOSPC | Errno::DQUOT)),
            _ => false,
        }
    }
}

/// Copy `from` to `to`, where nothing is yet: modes, times, links of both kinds and holes are kept.
/// Before each part of it `stop` is asked. The way there is `to` with the ending `.new`, which a
/// killed process leaves.
///
/// # Errors
/// [`CopyError`], also for what is neither a file nor a directory nor a link.
pub fn copy_whole(from: &Path, to: &Path, stop: &dyn Fn() -> bool) -> Result<(), CopyError> {
    let new = to.with_extension("new");
    fs::remove_tree(&new)?;
    let copied = fill(from, &new, stop).and_then(|()| Ok(fs::rename(&new, to)?));
    if copied.is_err()
        && let Err(error) = fs::remove_tree(&new)
    {
        tracing::warn!(%error, "an unfinished copy is left behind");
    }
    copied
}

fn fill(from: &Path, new: &Path, stop: &dyn Fn() -> bool) -> Result<(), CopyError> {
    fs::private_dir(new)?;
    let placing = Placing {
        owners: false,
        special_bits: true,
        keep_going: false,
        umask: pyro_tree::place::umask(),
        max_entries: u64::MAX,
        max_bytes: u64::MAX,
    };
    let mut placer = Placer::into_directory(fs::open(new)?.into(), placing);
    tree::send::<CopyError>(from, None, |batch| {
        if stop() {
            return Err(CopyError::Stopped);
        }
        for record in Records::new(batch.payload()) {
            placer.put(&record?)?;
        }
        Ok(())
    })?;
    placer.finish()?;
    fs::sync_all_of(new)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    #[test]
    fn a_copy_is_whole_or_not_there() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to.tree"));
        std::fs::create_dir_all(from.join("sub")).unwrap();
        std::fs::write(from.join("sub/run"), vec![7; 3_000_000]).unwrap();
        std::fs::set_permissions(from.join("sub/run"), PermissionsExt::from_mode(0o4755)).unwrap();
        std::fs::hard_link(from.join("sub/run"), from.join("same")).unwrap();
        std::os::unix::fs::symlink("/etc/hostname", from.join("link")).unwrap();
        std::fs::set_permissions(from.join("sub"), PermissionsExt::from_mode(0o555)).unwrap();
        // What a killed process left is in nobody's way.
        std::fs::create_dir_all(dir.path().join("to.new/old")).unwrap();
        let asked = Cell::new(0);
        let second = || asked.replace(asked.get() + 1) == 1;
        assert!(matches!(copy_whole(&from, &to, &second), Err(CopyError::Stopped)));
        assert_eq!(fs::names_in(dir.path()).unwrap(), ["from"]);
        copy_whole(&from, &to, &|| false).unwrap();
        assert_eq!(fs::names_in(dir.path()).unwrap(), ["from", "to.tree"]);
        let (run, original) = (
            std::fs::metadata(to.join("sub/run")).unwrap(),
            from.join("sub/run").metadata().unwrap(),
        );
        assert_eq!((run.mode() & 0o7777, run.nlink(), run.len()), (0o4755, 2, 3_000_000));
        assert_eq!((run.mtime(), run.mtime_nsec()), (original.mtime(), original.mtime_nsec()));
        assert_eq!(std::fs::read_link(to.join("link")).unwrap(), Path::new("/etc/hostname"));
        assert_eq!(to.join("sub").metadata().unwrap().mode() & 0o777, 0o555);
        // Whoever owns a directory can remove it, with whatever rights.
        fs::remove_tree(&to).unwrap();
        fs::remove_tree(&from).unwrap();
    }
}
