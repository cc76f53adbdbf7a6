//! The whole patch decided: every write, or every reason why not.

use super::apply::{apply, same};
use super::budget::Budget;
use super::limits::TOTAL_BYTES;
use super::model::{Change, FilePatch, Patch};
use super::reject::{Reason, Reject, Rejected};
use super::report::PatchStatus;
use crate::workspace::git::path::RelPath;
use crate::workspace::side::{ArtifactType, Side};
use std::collections::{BTreeMap, BTreeSet};

/// What is to be done; all of it, in this order, or nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resolution {
    /// What to do: removals first, the deepest first; then what is made, sorted by path.
    pub actions: Vec<Action>,
    /// What happens to which path, sorted.
    pub outcomes: Vec<(RelPath, PatchStatus)>,
}

/// One step. Directories on the way to what is made are made too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Remove a file or a link, and the directories that are empty then, as git does.
    Remove {
        /// Which.
        path: RelPath,
    },
    /// A file takes a directory's place: before anything is done, make sure that this holds nothing but directories and
    /// what the patch removes.
    RemoveDirectory {
        /// Which.
        path: RelPath,
    },
    /// Put a file there, in place of a file or a link, or of nothing.
    WriteFile {
        /// Where.
        path: RelPath,
        /// Its permission bits.
        mode: u32,
        /// All it holds.
        bytes: Vec<u8>,
    },
    /// Change a file's permission bits.
    Chmod {
        /// Which.
        path: RelPath,
        /// The bits.
        mode: u32,
    },
    /// Put a link there, in place of a file or a link, or of nothing.
    Symlink {
        /// Where.
        path: RelPath,
        /// What it points to.
        target: Vec<u8>,
    },
}

/// Decide a patch by what its paths are: `sides` has those of the [`Plan`](super::Plan) that exist.
///
/// Every change starts from what was there before the patch. Applying a patch twice fails as it does with `git apply`:
/// what it creates exists, and what it changes no longer reads as it did.
///
/// # Errors
/// [`Rejected`] with every change that does not fit.
pub fn resolve(patch: &Patch<'_>, sides: &BTreeMap<RelPath, Side>) -> Result<Resolution, Rejected> {
    resolve_within(patch, sides, TOTAL_BYTES)
}

/// As [`resolve`], where all that is made has at most `room` bytes.
pub(super) fn resolve_within(
    patch: &Patch<'_>,
    sides: &BTreeMap<RelPath, Side>,
    mut room: usize,
) -> Result<Resolution, Rejected> {
    let mut work = Work { sides, leaving: leaving(patch), made: BTreeMap::new(), rejects: Vec::new() };
    let mut budget = Budget::default();
    for file in &patch.files {
        match work.file(file, &mut budget) {
            Ok(made) => match room.checked_sub(made) {
                Some(left) => room = left,
                // A copy takes a line of the patch, and any size here.
                None => {
                    let path = file.change.target().clone();
                    return Err(Rejected { rejects: vec![Reject { path, reason: Reason::TooMuch }] });
                }
            },
            Err(reject) => work.rejects.push(reject),
        }
    }
    work.check_places();
    if !work.rejects.is_empty() {
        work.rejects.sort_by(|a, b| a.path.cmp(&b.path));
        return Err(Rejected { rejects: work.rejects });
    }
    Ok(work.resolution())
}

/// What is deleted or moved away.
fn leaving<'p>(patch: &'p Patch<'_>) -> BTreeSet<&'p RelPath> {
    let gone = |file: &'p FilePatch<'_>| match &file.change {
        Change::Delete(path) | Change::Rename { from: path, .. } => Some(path),
        _ => None,
    };
    patch.files.iter().filter_map(gone).collect()
}

struct Work<'p> {
    sides: &'p BTreeMap<RelPath, Side>,
    leaving: BTreeSet<&'p RelPath>,
    made: BTreeMap<&'p RelPath, Side>,
    rejects: Vec<Reject>,
}

impl<'p> Work<'p> {
    /// Decide one change; the bytes that it makes.
    fn file(&mut self, file: &'p FilePatch<'_>, budget: &mut Budget) -> Result<usize, Reject> {
        let target = file.change.target();
        let source = self.sides.get(file.change.source());
        // A new thing may take the place of one that leaves, or of a directory that empties.
        let (source, new) = match &file.change {
            Change::Create(_) => (None, true),
            Change::Rename { .. } | Change::Copy { .. } => (source, true),
            Change::Delete(_) | Change::Modify { .. } => (source, false),
        };
        let present = self.sides.get(target).filter(|_| new && !self.leaving.contains(target));
        if let Some(side) = present.filter(|side| !self.empties(target, side)) {
            let reason = Reason::Exists { found: side.artifact() };
            return Err(Reject { path: target.clone(), reason });
        }
        let Some(side) = apply(file, source, budget)? else { return Ok(0) };
        let made = side.blob().map_or(0, <[u8]>::len);
        self.made.insert(target, side);
        Ok(made)
    }

    fn empties(&self, path: &RelPath, side: &Side) -> bool {
        *side == Side::Directory && self.below(path).next().is_some()
    }

    fn below<'s>(&'s self, path: &'s RelPath) -> impl Iterator<Item = &'s RelPath> {
        // What is below `a` sorts after `a/`, but names such as `a-b` lie between the two.
        let from = self.leaving.range::<RelPath, _>(path..);
        let prefix = path.as_bytes().len();
        let near = from.take_while(move |other| other.as_bytes().get(..prefix) == Some(path.as_bytes()));
        near.copied().filter(|other| other.is_below(path))
    }

    /// Every directory on the way to a path must be one, or be made.
    fn check_places(&mut self) {
        let mut rejects = Vec::new();
        for path in self.made.keys().chain(&self.leaving) {
            let in_the_way = path.parents().find_map(|parent| Some((self.obstacle(path, &parent)?, parent)));
            if let Some((found, parent)) = in_the_way {
                rejects.push(Reject { path: (*path).clone(), reason: Reason::Parent { parent, found } });
            }
        }
        self.rejects.extend(rejects);
    }

    fn obstacle(&self, path: &RelPath, parent: &RelPath) -> Option<ArtifactType> {
        let making = self.made.contains_key(path);
        let after = self.made.get(parent).filter(|_| making).map(Side::artifact);
        let before = self.sides.get(parent).map(Side::artifact);
        let before = before.filter(|_| !(making && self.leaving.contains(parent)) || self.leaving.contains(path));
        after.or(before.filter(|found| *found != ArtifactType::Directory))
    }

    fn resolution(self) -> Resolution {
        let mut actions: Vec<Action> = Vec::new();
        let mut outcomes = BTreeMap::new();
        for path in self.leaving.iter().rev().filter(|path| !self.made.contains_key(**path)) {
            actions.push(Action::Remove { path: (*path).clone() });
            outcomes.insert((*path).clone(), PatchStatus::Deleted);
        }
        for path in self.made.keys().filter(|path| self.sides.get(**path) == Some(&Side::Directory)) {
            actions.push(Action::RemoveDirectory { path: (*path).clone() });
        }
        for (path, side) in self.made {
            let before = self.sides.get(path);
            if before.is_some_and(|before| same(before, &side)) {
                continue;
            }
            let status = if before.is_some() { PatchStatus::Modified } else { PatchStatus::Added };
            outcomes.insert(path.clone(), status);
            actions.extend(action(path, before, side));
        }
        Resolution { actions, outcomes: outcomes.into_iter().collect() }
    }
}

fn action(path: &RelPath, before: Option<&Side>, side: Side) -> Option<Action> {
    let path = path.clone();
    let same_bytes = before.is_some_and(|before| before.artifact() == side.artifact() && before.blob() == side.blob());
    match side {
        Side::File { mode, .. } if same_bytes => Some(Action::Chmod { path, mode }),
        Side::File { mode, content: crate::workspace::side::Content::Held(bytes) } => {
            Some(Action::WriteFile { path, mode, bytes })
        }
        Side::Symlink { target } => Some(Action::Symlink { path, target }),
        // Applying makes nothing else.
        Side::File { .. } | Side::Directory | Side::Other => None,
    }
}
