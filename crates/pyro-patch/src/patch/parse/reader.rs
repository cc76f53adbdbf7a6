//! `Reader`: how far the reading of a patch is.

use super::cursor::Cursor;
use crate::patch::limits::PatchLimits;
use pyro_protocol::TreePath;
use std::collections::BTreeSet;

/// What is being read, and what was counted.
pub(super) struct Reader<'a> {
    pub(super) cursor: Cursor<'a>,
    pub(super) limits: PatchLimits,
    pub(super) hunks: usize,
    pub(super) binary: usize,
    /// Whether the header of a commit was passed since the last file.
    pub(super) commit_begins: bool,
    pub(super) submodules: BTreeSet<TreePath>,
}
