//! `DiffRequest`: which states of a workspace are compared, and how.

use crate::snapshot_name::{DiffPoint, Snapshot};
use crate::workspace::file_error::FileError;
use crate::workspace::place::WorkspacePath;
use pyro_patch::diff::DiffOptions;
use pyro_protocol::TreePath;
use pyro_protocol::tree::Entry;

/// What to compare.
#[derive(Clone, Debug)]
pub struct DiffRequest {
    /// The earlier state, as a rule the baseline.
    pub from: DiffPoint,
    /// The later state, as a rule the present one.
    pub to: DiffPoint,
    /// Only what is at or below this path.
    pub path: Option<WorkspacePath>,
    /// Tell a deleted and an added file of the same content as one that was renamed.
    pub renames: bool,
    /// Also tell files that the workspace's own rules ignore.
    pub include_ignored: bool,
    /// Without the secrets of the workspace in what files hold; no patch then fits them.
    pub redact: bool,
}

impl Default for DiffRequest {
    fn default() -> Self {
        Self {
            from: DiffPoint::Closed(Snapshot::Baseline),
            to: DiffPoint::Now,
            path: None,
            renames: false,
            include_ignored: false,
            redact: false,
        }
    }
}

impl DiffRequest {
    pub(super) fn options(&self) -> DiffOptions {
        DiffOptions { renames: self.renames, ..DiffOptions::default() }
    }

    /// What is compared of two trees.
    pub(super) fn within(&self, old: &[Entry], new: &[Entry]) -> Result<TreePath, FileError> {
        let Some(path) = self.path.as_ref().filter(|path| !path.is_root()) else {
            return Ok(TreePath::root());
        };
        match old.iter().chain(new).any(|entry| entry.path.is_within(path.tree())) {
            true => Ok(path.tree().clone()),
            false => Err(FileError::Nowhere { path: path.to_text() }),
        }
    }
}
