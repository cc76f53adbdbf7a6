//! The tree: all that a command has started, wherever it moved, as one thing to signal.

use crate::cgroup::{Cgroup, Cgroups};
use crate::descendants::Marks;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Makes trees.
pub(crate) enum Trees {
    /// One cgroup for each; in a guest.
    Cgroups(Cgroups),
    /// One mark in the environment for each; in a plain process that may not make cgroups.
    Marks(Marks),
}

/// One command's processes.
pub(crate) enum Tree {
    /// Those in a cgroup.
    Cgroup(Cgroup),
    /// Those that carry a mark or descend from one that does.
    Mark(String),
}

impl Trees {
    /// A tree for the command `id`.
    pub(crate) fn plant(&self, id: u64) -> io::Result<Tree> {
        match self {
            Self::Cgroups(cgroups) => cgroups.take().map(Tree::Cgroup),
            Self::Marks(marks) => Ok(Tree::Mark(marks.make(id))),
        }
    }

    /// Have what the next command needs ready.
    pub(crate) fn prepare(&self) -> io::Result<()> {
        match self {
            Self::Cgroups(cgroups) => cgroups.make_spare(),
            Self::Marks(_) => Ok(()),
        }
    }

    /// Signal every process of the tree that `leader` began.
    pub(crate) fn signal(&self, tree: &Tree, leader: i32, signal: i32) -> io::Result<()> {
        match (self, tree) {
            (_, Tree::Cgroup(cgroup)) => cgroup.signal(signal),
            (Self::Marks(marks), Tree::Mark(mark)) => marks.signal(mark, leader, signal),
            (Self::Cgroups(_), Tree::Mark(_)) => Ok(()),
        }
    }

    /// Every process of the tree that `leader` began, each as what is readable once it has ended.
    pub(crate) fn members(&self, tree: &Tree, leader: i32) -> io::Result<Vec<OwnedFd>> {
        match (self, tree) {
            (_, Tree::Cgroup(cgroup)) => cgroup.members(),
            (Self::Marks(marks), Tree::Mark(mark)) => marks.members(mark, leader),
            (Self::Cgroups(_), Tree::Mark(_)) => Ok(Vec::new()),
        }
    }

    /// The command has ended: forget its tree. What it left running in the background lives on.
    pub(crate) fn forget(&self, tree: Tree) {
        if let (Self::Cgroups(cgroups), Tree::Cgroup(cgroup)) = (self, tree) {
            cgroups.remove_when_empty(cgroup);
        }
    }

    /// End everything that any command has started; for a plain process. A guest ends its world
    /// instead.
    pub(crate) fn kill_everything(&self) {
        if let Self::Marks(marks) = self {
            marks.kill_everything();
        }
    }
}

impl Tree {
    /// The cgroup to start the command in.
    pub(crate) fn cgroup(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Self::Cgroup(cgroup) => Some(cgroup.as_fd()),
            Self::Mark(_) => None,
        }
    }

    /// The mark to start the command with.
    pub(crate) fn mark(&self) -> Option<&str> {
        match self {
            Self::Cgroup(_) => None,
            Self::Mark(mark) => Some(mark),
        }
    }
}
