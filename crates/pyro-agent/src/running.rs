//! A command that runs, as whoever signals it knows it.

use crate::tree::Tree;

/// Its process and all that came of it.
pub(crate) struct Running {
    pub(crate) pid: i32,
    pub(crate) tree: Tree,
}
