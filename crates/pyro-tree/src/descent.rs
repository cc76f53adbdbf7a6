//! The descent: the directories on the way to a path, kept open for the next path beside it.

use rustix::io::Errno;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// A base directory and the way down to the one used last, with something kept for each level.
pub struct Descent<T> {
    base: OwnedFd,
    levels: Vec<Level<T>>,
    /// Path of the last level.
    path: Vec<u8>,
}

/// A directory on the way.
pub struct Level<T> {
    /// Open at it.
    pub dir: OwnedFd,
    /// What is kept with it.
    pub kept: T,
    /// Length of its path.
    path_len: usize,
}

impl<T> Descent<T> {
    /// Begin at `base`.
    #[must_use]
    pub fn new(base: OwnedFd) -> Self {
        Self { base, levels: Vec::new(), path: Vec::new() }
    }

    /// The directory at hand.
    #[must_use]
    pub fn dir(&self) -> BorrowedFd<'_> {
        self.levels.last().map_or(self.base.as_fd(), |level| level.dir.as_fd())
    }

    /// The directory that it began at.
    #[must_use]
    pub fn base(&self) -> BorrowedFd<'_> {
        self.base.as_fd()
    }

    /// Path of the directory at hand.
    #[must_use]
    pub fn path(&self) -> &[u8] {
        &self.path
    }

    /// Leave the directory at hand, unless it is the base.
    pub fn leave(&mut self) -> Option<(Level<T>, Vec<u8>)> {
        let level = self.levels.pop()?;
        let path = self.path.clone();
        self.path.truncate(self.levels.last().map_or(0, |above| above.path_len));
        debug_assert_eq!(level.path_len, path.len());
        Some((level, path))
    }

    /// Go into `dir`, which is open at the name `name` of the directory at hand.
    pub fn enter(&mut self, name: &[u8], dir: OwnedFd, kept: T) {
        if !self.path.is_empty() {
            self.path.push(b'/');
        }
        self.path.extend_from_slice(name);
        self.levels.push(Level { dir, kept, path_len: self.path.len() });
    }

    /// Whether the directory at hand is `path` or above it.
    #[must_use]
    pub fn leads_to(&self, path: &[u8]) -> bool {
        match path.strip_prefix(self.path.as_slice()) {
            Some(rest) => self.path.is_empty() || rest.is_empty() || rest[0] == b'/',
            None => false,
        }
    }

    /// The next name on the way from the directory at hand to `path`, which it leads to; `None`
    /// when it is there.
    #[must_use]
    pub fn next_name<'p>(&self, path: &'p [u8]) -> Option<&'p [u8]> {
        let rest = &path[self.path.len()..];
        let rest = if self.path.is_empty() { rest } else { rest.get(1..)? };
        if rest.is_empty() {
            return None;
        }
        rest.split(|byte| *byte == b'/').next()
    }
}

impl Descent<()> {
    /// Go to the directory at a checked path, through no link.
    ///
    /// # Errors
    /// The kernel's answer; `ELOOP` or `ENOTDIR` for what is no directory.
    pub fn go(&mut self, path: &[u8]) -> Result<BorrowedFd<'_>, Errno> {
        while !self.leads_to(path) {
            self.leave();
        }
        while let Some(name) = self.next_name(path) {
            let opened = crate::node::enter(self.dir(), name)?;
            self.enter(name, opened, ());
        }
        Ok(self.dir())
    }
}
