//! Cgroups: one for each command, so that none of its processes can hide.

use crate::sys;
use rustix::fs::{Mode, OFlags};
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

/// The directory under which each command has one.
pub(crate) struct Cgroups {
    root: PathBuf,
    made: Cell<u64>,
    /// Made ahead for the next command.
    spare: RefCell<Option<Cgroup>>,
    /// Of commands that have ended and left something running.
    leftovers: RefCell<Vec<PathBuf>>,
}

/// One command's cgroup.
pub(crate) struct Cgroup {
    path: PathBuf,
    directory: OwnedFd,
}

impl Cgroups {
    /// Make `root`, the cgroup of the whole world that commands live in.
    pub(crate) fn new(root: PathBuf) -> io::Result<Self> {
        std::fs::create_dir(&root)?;
        Ok(Self {
            root,
            made: Cell::new(0),
            spare: RefCell::default(),
            leftovers: RefCell::default(),
        })
    }

    /// The world's own cgroup.
    pub(crate) fn root(&self) -> io::Result<OwnedFd> {
        open(&self.root)
    }

    /// One for the next command.
    pub(crate) fn take(&self) -> io::Result<Cgroup> {
        match self.spare.take() {
            Some(spare) => Ok(spare),
            None => self.make(),
        }
    }

    /// Have one ready, so that the next command need not wait for it.
    pub(crate) fn make_spare(&self) -> io::Result<()> {
        let spare = self.make()?;
        self.spare.replace(Some(spare)).map_or(Ok(()), |old| std::fs::remove_dir(old.path))
    }

    fn make(&self) -> io::Result<Cgroup> {
        let count = self.made.replace(self.made.get() + 1);
        let path = self.root.join(format!("exec-{count}"));
        std::fs::create_dir(&path)?;
        Ok(Cgroup { directory: open(&path)?, path })
    }

    /// Remove it, or when something lives there still, try again after each later command.
    pub(crate) fn remove_when_empty(&self, cgroup: Cgroup) {
        let mut leftovers = self.leftovers.borrow_mut();
        leftovers.push(cgroup.path);
        leftovers.retain(|path| !remove(path));
    }
}

impl Cgroup {
    /// Every process in it and below.
    pub(crate) fn members(&self) -> io::Result<Vec<OwnedFd>> {
        let pids = processes(&self.path)?.into_iter();
        // One that has ended since is no member any more.
        Ok(pids.filter_map(|pid| sys::pidfd(pid).ok()).collect())
    }

    /// Signal every process in it and below.
    pub(crate) fn signal(&self, signal: i32) -> io::Result<()> {
        if signal == libc::SIGKILL {
            // The kernel kills them as one: not even a fork in progress escapes.
            return std::fs::write(self.path.join("cgroup.kill"), "1");
        }
        // A process that forks while this goes on may leave a child unsignalled; so look until
        // nobody new is met.
        let mut met = BTreeSet::new();
        loop {
            let new: Vec<i32> =
                processes(&self.path)?.into_iter().filter(|pid| met.insert(*pid)).collect();
            if new.is_empty() {
                return Ok(());
            }
            for pid in new {
                // It may have ended since.
                let _ = sys::kill(pid, signal);
            }
        }
    }
}

impl AsFd for Cgroup {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.directory.as_fd()
    }
}

fn open(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, Mode::empty()).map_err(Into::into)
}

fn below(path: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
}

fn processes(path: &Path) -> io::Result<Vec<i32>> {
    let mut pids: Vec<i32> = match std::fs::read_to_string(path.join("cgroup.procs")) {
        Ok(list) => {
            list.lines().filter_map(|line| line.parse().ok()).filter(|pid| *pid > 0).collect()
        }
        // A cgroup that has been turned into a threaded one has no list of its own.
        Err(err) if err.raw_os_error() == Some(libc::EOPNOTSUPP) => Vec::new(),
        Err(err) => return Err(err),
    };
    for child in below(path) {
        pids.extend(processes(&child)?);
    }
    Ok(pids)
}

/// Remove a cgroup and those that its processes have made below it; `false` while something lives
/// there.
fn remove(path: &Path) -> bool {
    below(path).all(|child| remove(&child))
        && std::fs::remove_dir(path)
            .or_else(|err| match err.kind() {
                io::ErrorKind::NotFound => Ok(()),
                _ => Err(err),
            })
            .is_ok()
}
