//! `Steps`: the changes of a patch, in groups that are applied one after the other.

use crate::patch::error::ParseError;
use crate::patch::limits::PatchLimits;
use crate::patch::model::{Change, FilePatch};
use pyro_protocol::TreePath;
use std::collections::BTreeMap;

/// The groups so far.
#[derive(Default)]
pub(super) struct Steps<'a> {
    steps: Vec<Vec<FilePatch<'a>>>,
    files: usize,
    open: Vec<FilePatch<'a>>,
    uses: BTreeMap<TreePath, Uses>,
}

/// What a group does to one path.
#[derive(Clone, Copy, Default)]
struct Uses {
    deleted: bool,
    modified: bool,
    made: bool,
    moved: bool,
}

impl Uses {
    /// The same with one more change; none when one diff of git cannot hold both.
    fn with(mut self, change: &Change) -> Option<Self> {
        let free = match change {
            Change::Delete(_) => !(self.deleted || self.modified || self.moved),
            Change::Modify { .. } => !(self.deleted || self.modified || self.moved || self.made),
            // git writes a change of kind as a deletion and a creation, and what moved away makes
            // room.
            _ => !(self.modified || self.made),
        };
        match change {
            Change::Delete(_) => self.deleted = true,
            Change::Modify { .. } => self.modified = true,
            _ => self.made = true,
        }
        free.then_some(self)
    }

    fn moved_away(mut self) -> Option<Self> {
        let free = !(self.deleted || self.modified || self.moved);
        self.moved = true;
        free.then_some(self)
    }
}

impl<'a> Steps<'a> {
    /// Add a change: to the group, or to the next one when the group changes the same path.
    pub(super) fn push(
        &mut self,
        file: FilePatch<'a>,
        limits: &PatchLimits,
    ) -> Result<(), ParseError> {
        if self.files == limits.files {
            return Err(ParseError::TooMany { what: "files", max: limits.files });
        }
        self.files += 1;
        if !self.takes(&file.change) {
            self.close();
            self.takes(&file.change);
        }
        self.open.push(file);
        Ok(())
    }

    /// End a group: what follows starts from what it made.
    pub(super) fn close(&mut self) {
        self.uses.clear();
        if !self.open.is_empty() {
            self.steps.push(std::mem::take(&mut self.open));
        }
    }

    pub(super) fn finish(mut self) -> Vec<Vec<FilePatch<'a>>> {
        self.close();
        self.steps
    }

    fn takes(&mut self, change: &Change) -> bool {
        let of = |path: &TreePath| self.uses.get(path).copied().unwrap_or_default();
        let away = match change {
            Change::Rename { from, .. } => match of(from).moved_away() {
                Some(uses) => Some((from.clone(), uses)),
                None => return false,
            },
            _ => None,
        };
        let Some(uses) = of(change.target()).with(change) else { return false };
        self.uses.extend(away);
        self.uses.insert(change.target().clone(), uses);
        true
    }
}
