//! A lock between processes, held as a value: a file under `flock`, free again as soon as its
//! holder is dead.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use super::fs::{FsError, open_lock};

/// A lock that could not be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody held it for the whole time that was waited.
    #[error("{} stayed locked for {} seconds", path.display(), waited.as_secs())]
    TimedOut {
        /// The lock file.
        path: PathBuf,
        /// How long was waited.
        waited: Duration,
    },
    /// The lock file cannot be used.
    #[error(transparent)]
    Fs(#[from] FsError),
}

/// An exclusive lock that this process holds until the value is dropped.
#[derive(Debug)]
pub struct FileLock {
    held: Flock<File>,
}

impl FileLock {
    /// Take the lock if nobody holds it. The file is created and never removed: removing it would
    /// let two hold it.
    ///
    /// # Errors
    /// When the lock file cannot be used.
    pub fn try_acquire(path: &Path) -> Result<Option<Self>, FsError> {
        match Flock::lock(open_lock(path)?, FlockArg::LockExclusiveNonblock) {
            Ok(held) => Ok(Some(Self { held })),
            Err((_, Errno::EWOULDBLOCK)) => Ok(None),
            Err((_, errno)) => Err(refused(path, errno)),
        }
    }

    /// Block until nobody holds the lock; for what no holder keeps longer than milliseconds.
    ///
    /// # Errors
    /// When the lock file cannot be used.
    pub fn acquire_blocking(path: &Path) -> Result<Self, FsError> {
        wait(open_lock(path)?).map(|held| Self { held }).map_err(|errno| refused(path, errno))
    }

    /// Wait until nobody holds the lock, at most `limit`.
    ///
    /// The wait happens in a thread of its own, because a wait for `flock` cannot be taken back:
    /// where the caller gives up, the thread releases what it may still get.
    ///
    /// # Errors
    /// When the lock file cannot be used, or at the limit.
    pub async fn acquire(path: &Path, limit: Duration) -> Result<Self, LockError> {
        if let Some(lock) = Self::try_acquire(path)? {
            return Ok(lock);
        }
        let file = open_lock(path)?;
        let (answer, held) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            let _ = answer.send(wait(file));
        });
        match tokio::time::timeout(limit, held).await {
            Ok(Ok(Ok(held))) => Ok(Self { held }),
            Ok(Ok(Err(errno))) => Err(refused(path, errno).into()),
            Ok(Err(_)) => Err(refused(path, Errno::ECANCELED).into()),
            Err(_) => Err(LockError::TimedOut { path: path.to_owned(), waited: limit }),
        }
    }

    /// The same lock for a child to inherit: after the death of this process the lock stays held
    /// until the child, and all who have it from the child, are dead too.
    ///
    /// # Errors
    /// When no file descriptor is left.
    pub fn share(&self) -> std::io::Result<OwnedFd> {
        Ok(self.held.try_clone()?.into())
    }
}

fn wait(mut file: File) -> Result<Flock<File>, Errno> {
    loop {
        match Flock::lock(file, FlockArg::LockExclusive) {
            Ok(held) => return Ok(held),
            Err((back, Errno::EINTR)) => file = back,
            Err((_, errno)) => return Err(errno),
        }
    }
}

fn refused(path: &Path, errno: Errno) -> FsError {
    FsError { action: "lock", path: path.to_owned(), source: errno.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_holder_at_a_time_and_the_next_is_woken() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let first = FileLock::try_acquire(&path).unwrap().unwrap();
        assert!(FileLock::try_acquire(&path).unwrap().is_none());
        let error = FileLock::acquire(&path, Duration::from_millis(20)).await.unwrap_err();
        assert!(matches!(error, LockError::TimedOut { .. }), "{error}");
        let (second, ()) =
            tokio::join!(FileLock::acquire(&path, Duration::from_secs(5)), async { drop(first) });
        second.unwrap();
    }
}
