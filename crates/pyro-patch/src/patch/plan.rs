//! `Plan`: what has to be read before a patch can be decided.

use super::model::Patch;
use pyro_protocol::TreePath;
use std::collections::BTreeSet;

/// The paths that a patch depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Read these whole: kind, mode, content or target. None of them is followed if it is a link.
    pub reads: BTreeSet<TreePath>,
    /// Of these only the kind counts.
    pub parents: BTreeSet<TreePath>,
}

impl Plan {
    /// The plan of a patch.
    #[must_use]
    pub fn of(patch: &Patch<'_>) -> Self {
        let changes = || patch.files().map(|file| &file.change);
        let reads: BTreeSet<_> =
            changes().flat_map(|change| [change.source(), change.target()]).cloned().collect();
        let parents = reads
            .iter()
            .flat_map(TreePath::parents)
            .filter(|parent| !reads.contains(parent))
            .collect();
        Self { reads, parents }
    }
}
