//! The walk: every node of a tree, a directory before what it holds, names sorted by their bytes.

use crate::names::Names;
use crate::{attributes, node};
use pyro_protocol::TreePath;
use pyro_protocol::limits::MAX_PATH_LEN;
use pyro_protocol::tree::{Kind, Meta};
use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;
use std::os::fd::{AsFd, OwnedFd};

/// A directory whose names are being visited.
struct Level {
    dir: OwnedFd,
    names: Names,
    next: usize,
    /// Length of the directory's own path.
    path_len: usize,
}

/// Says whether a node is left out, with all below it.
pub type Skip<'f> = Box<dyn FnMut(&[u8], Kind) -> bool + Send + 'f>;

/// What a walk visits.
#[derive(Default)]
pub struct WalkOptions<'f> {
    /// Levels below the root: 0 for the root alone.
    pub depth: Option<u32>,
    /// Whether a node is left out, with all below it; asked with its path and kind.
    pub skip: Option<Skip<'f>>,
}

/// A walk; what it holds open is one directory for each level.
pub struct Walk<'f> {
    root: OwnedFd,
    device: u64,
    levels: Vec<Level>,
    /// Path of the node visited last.
    path: Vec<u8>,
    begun: bool,
    options: WalkOptions<'f>,
}

impl<'f> Walk<'f> {
    /// Walk the node that `root` is open at, by `O_PATH` or for reading.
    ///
    /// # Errors
    /// The kernel's answer.
    pub fn new(root: OwnedFd, options: WalkOptions<'f>) -> Result<Self, Errno> {
        let device = rustix::fs::fstat(&root)?.st_dev;
        Ok(Self { root, device, levels: Vec::new(), path: Vec::new(), begun: false, options })
    }

    /// Go on behind `after`, which need not exist any more.
    ///
    /// # Errors
    /// The kernel's answer about the root.
    pub fn resume(&mut self, after: &TreePath) -> Result<(), Errno> {
        self.begun = true;
        let meta = self.look_at_root()?;
        self.descend_root(&meta)?;
        if after.is_root() {
            return Ok(());
        }
        for name in after.as_bytes().split(|byte| *byte == b'/') {
            let Some(level) = self.levels.last_mut() else { break };
            match level.names.position(name) {
                Err(next) => {
                    level.next = next;
                    break;
                }
                Ok(found) => level.next = found + 1,
            }
            let depth = self.levels.len();
            if self.visit(name.to_vec()).is_none() || self.levels.len() == depth {
                break;
            }
        }
        Ok(())
    }

    /// Path of the node visited last; it was checked by the kernel's own rules.
    #[must_use]
    pub fn path(&self) -> &[u8] {
        &self.path
    }

    /// The next node; what could not be had of it is in its `errno`. The target is a symbolic
    /// link's.
    pub fn next_node(&mut self) -> Option<(Meta, Vec<u8>)> {
        if !self.begun {
            self.begun = true;
            return Some(self.visit_root());
        }
        loop {
            let level = self.levels.last_mut()?;
            let Some(name) = level.names.get(level.next) else {
                self.levels.pop();
                continue;
            };
            level.next += 1;
            let name = name.to_vec();
            if let Some(found) = self.visit(name) {
                return Some(found);
            }
        }
    }

    /// Whether the node that was visited last, which is of that kind, has extended attributes that
    /// no record carries.
    #[must_use]
    pub fn has_attributes(&self, kind: Kind) -> bool {
        match (pyro_protocol::tree_path::split(&self.path), self.levels.last()) {
            // A directory that was entered is the last level itself.
            (_, Some(level)) if level.path_len == self.path.len() && kind == Kind::Directory => {
                attributes::has_any(level.dir.as_fd(), b".", kind)
            }
            (Some((_, name)), Some(level)) => attributes::has_any(level.dir.as_fd(), name, kind),
            _ => false,
        }
    }

    /// Open the regular file that was visited last.
    ///
    /// # Errors
    /// The kernel's answer.
    pub fn open(&self) -> Result<OwnedFd, Errno> {
        match (pyro_protocol::tree_path::split(&self.path), self.levels.last()) {
            (Some((_, name)), Some(level)) => {
                rustix::fs::openat(&level.dir, name, node::CONTENT, Mode::empty())
            }
            _ => node::reopen(&self.root, node::CONTENT),
        }
    }

    fn look_at_root(&self) -> Result<Meta, Errno> {
        rustix::fs::fstat(&self.root).map(|stat| node::meta(&stat))
    }

    fn visit_root(&mut self) -> (Meta, Vec<u8>) {
        let (mut meta, mut target) = match self.look_at_root() {
            Ok(meta) => (meta, Vec::new()),
            Err(errno) => (unknown(Kind::Unknown, errno), Vec::new()),
        };
        if meta.kind == Kind::Symlink {
            match node::target(self.root.as_fd(), b"") {
                Ok(found) => target = found,
                Err(errno) => meta.errno = node::number(errno),
            }
        }
        if let Err(errno) = self.descend_root(&meta) {
            meta.errno = node::number(errno);
        }
        (meta, target)
    }

    fn descend_root(&mut self, meta: &Meta) -> Result<(), Errno> {
        if meta.kind != Kind::Directory || self.options.depth == Some(0) {
            return Ok(());
        }
        let dir = rustix::fs::openat(&self.root, ".", node::DIRECTORY, Mode::empty())?;
        let names = Names::of(dir.as_fd())?;
        self.levels.push(Level { dir, names, next: 0, path_len: 0 });
        Ok(())
    }

    /// Visit a name of the directory at hand; `None` when it is left out or has just gone.
    fn visit(&mut self, name: Vec<u8>) -> Option<(Meta, Vec<u8>)> {
        let depth = self.levels.len();
        let level = self.levels.last()?;
        self.path.truncate(level.path_len);
        if level.path_len > 0 {
            self.path.push(b'/');
        }
        self.path.extend_from_slice(&name);
        if self.path.len() > MAX_PATH_LEN {
            // No path can say where this is: it is told of the directory that holds it.
            self.path.truncate(level.path_len);
            self.levels.pop();
            return Some((unknown(Kind::Directory, Errno::NAMETOOLONG), Vec::new()));
        }
        let stat = match rustix::fs::statat(&level.dir, name.as_slice(), AtFlags::SYMLINK_NOFOLLOW)
        {
            Ok(stat) => stat,
            Err(Errno::NOENT) => return None,
            Err(errno) => return Some((unknown(Kind::Unknown, errno), Vec::new())),
        };
        let mut meta = node::meta(&stat);
        if self.options.skip.as_mut().is_some_and(|skip| skip(&self.path, meta.kind)) {
            return None;
        }
        let mut target = Vec::new();
        match meta.kind {
            Kind::Symlink => match node::target(level.dir.as_fd(), &name) {
                Ok(found) => target = found,
                Err(errno) => meta.errno = node::number(errno),
            },
            Kind::Directory if stat.st_dev == self.device && self.is_entered(depth) => {
                let opened = node::enter(level.dir.as_fd(), &name)
                    .and_then(|dir| Names::of(dir.as_fd()).map(|names| (dir, names)));
                match opened {
                    Ok((dir, names)) => {
                        self.levels.push(Level { dir, names, next: 0, path_len: self.path.len() })
                    }
                    Err(errno) => meta.errno = node::number(errno),
                }
            }
            _ => {}
        }
        Some((meta, target))
    }

    fn is_entered(&self, depth: usize) -> bool {
        self.options.depth.is_none_or(|limit| depth < limit as usize)
    }
}

fn unknown(kind: Kind, errno: Errno) -> Meta {
    Meta { errno: node::number(errno), nlink: 0, ..Meta::new(kind, 0) }
}

/// Open `path` to be walked or looked at: by `O_PATH`, its last component followed when asked.
///
/// # Errors
/// The kernel's answer.
pub fn open_node(dir: impl AsFd, path: &[u8], follow: bool) -> Result<OwnedFd, Errno> {
    let flags =
        OFlags::PATH | OFlags::CLOEXEC | if follow { OFlags::empty() } else { OFlags::NOFOLLOW };
    rustix::fs::openat(dir, path, flags, Mode::empty())
}
