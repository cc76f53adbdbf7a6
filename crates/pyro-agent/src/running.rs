//! A command that runs, as whoever signals it knows it.

use crate::tree::Tree;
use std::cell::Cell;
use std::os::fd::OwnedFd;

/// Its process and all that came of it.
pub(crate) struct Running {
    pub(crate) pid: i32,
    pub(crate) tree: Tree,
    /// Our end of its terminal, if it has one.
    pub(crate) terminal: Option<OwnedFd>,
    /// Whether what it leaves running is to end with it.
    pub(crate) is_hung_up: Cell<bool>,
    /// Whether somebody has signalled the whole tree.
    pub(crate) is_signalled: Cell<bool>,
}
