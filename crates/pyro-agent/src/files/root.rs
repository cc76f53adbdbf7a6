//! The root: the directory that commands see as `/`, and every path of a request resolved below it.

use super::desk::{Stop, failed};
use crate::failure::{failure, from_errno};
use crate::place::Place;
use pyro_protocol::GuestPath;
use pyro_protocol::message::{Failure, FailureKind};
use pyro_protocol::tree_path;
use pyro_tree::node;
use rustix::fs::{Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// How often a path is resolved again when a rename elsewhere came between.
const ATTEMPTS: usize = 100;

/// The root that commands have.
pub(crate) struct Root {
    dir: OwnedFd,
}

impl Root {
    /// The root of the place where commands run.
    pub(crate) fn of(place: &Place) -> Result<Self, Failure> {
        place.check_ready()?;
        let path = match place {
            Place::Mounted(world) => format!("/proc/{}/root", world.init()),
            Place::Host { root: Some(root) } => {
                let dir = rustix::io::fcntl_dupfd_cloexec(root, 0)
                    .map_err(|err| from_errno("the root", err))?;
                return Ok(Self { dir });
            }
            _ => "/".to_owned(),
        };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir = rustix::fs::open(path, flags, Mode::empty())
            .map_err(|err| from_errno("the root", err))?;
        Ok(Self { dir })
    }

    /// A directory of a test's.
    #[cfg(test)]
    pub(crate) fn at(path: &std::path::Path) -> Self {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Self {
            dir: rustix::fs::open(path, flags, Mode::empty()).expect("a test's directory is there"),
        }
    }

    /// The directory itself.
    pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
        self.dir.as_fd()
    }

    /// Make all that was written to its filesystem durable.
    pub(crate) fn sync(&self) -> Result<(), Failure> {
        rustix::fs::syncfs(&self.dir).map_err(|err| from_errno("cannot make the disk durable", err))
    }

    /// Open a path. Links on the way are followed below the root; the last component as `flags`
    /// say.
    pub(crate) fn open(&self, path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
        let relative = match path.strip_prefix(b"/").unwrap_or(path) {
            b"" => b".",
            relative => relative,
        };
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        for _ in 0..ATTEMPTS {
            match rustix::fs::openat2(
                &self.dir,
                relative,
                flags | OFlags::CLOEXEC,
                Mode::empty(),
                resolve,
            ) {
                Err(Errno::AGAIN | Errno::INTR) => {}
                opened => return opened,
            }
        }
        Err(Errno::AGAIN)
    }

    /// Open a node of any kind, to look at it or walk it.
    pub(crate) fn node(&self, path: &GuestPath, follow: bool) -> Result<OwnedFd, Stop> {
        let flags = if follow { OFlags::PATH } else { OFlags::PATH | OFlags::NOFOLLOW };
        self.open(path.as_bytes(), flags).map_err(failed("open", path.as_bytes()))
    }

    /// Open a directory that others are made or found in.
    pub(crate) fn directory(&self, path: &GuestPath) -> Result<OwnedFd, Stop> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        self.open(path.as_bytes(), flags).map_err(failed("open", path.as_bytes()))
    }

    /// The directory that holds a path, made when asked, and the path's name there.
    pub(crate) fn parent<'p>(
        &self,
        path: &'p GuestPath,
        make: bool,
    ) -> Result<(OwnedFd, &'p [u8]), Stop> {
        let relative = &path.as_bytes()[1..];
        let (parent, name) = tree_path::split(relative).ok_or_else(|| {
            failure(FailureKind::InvalidInput, "the root directory cannot be replaced")
        })?;
        match self.open(parent, OFlags::RDONLY | OFlags::DIRECTORY) {
            Ok(dir) => Ok((dir, name)),
            Err(Errno::NOENT) if make => Ok((self.make(parent)?, name)),
            Err(errno) => Err(failed("open", &path.as_bytes()[..=parent.len()])(errno)),
        }
    }

    /// Make a directory with those above it; what is there already is fine. All of it is made
    /// durable by [`durable`].
    fn make(&self, relative: &[u8]) -> Result<OwnedFd, Stop> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        let mut dir = self.open(b"", flags).map_err(failed("open", b"/"))?;
        let ends = relative.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
        let mut begun = 0;
        for end in ends.chain([relative.len()]) {
            let name = &relative[begun..end];
            begun = end + 1;
            let path = [b"/", &relative[..end]].concat();
            dir = match self.open(&path, flags) {
                Err(Errno::NOENT) => {
                    match rustix::fs::mkdirat(&dir, name, Mode::from_raw_mode(0o755)) {
                        Ok(()) => durable(&dir).map_err(failed("make", &path))?,
                        Err(Errno::EXIST) => {}
                        Err(errno) => return Err(failed("make", &path)(errno)),
                    }
                    node::enter(dir.as_fd(), name).map_err(failed("make", &path))?
                }
                opened => opened.map_err(failed("open", &path))?,
            };
        }
        Ok(dir)
    }
}

/// Make a directory's names durable.
pub(super) fn durable(dir: impl AsFd) -> Result<(), Errno> {
    rustix::fs::fsync(dir)
}
