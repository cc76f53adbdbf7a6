//! The whole patch decided: every write, or every reason why not.

use super::apply::apply;
use super::budget::Budget;
use super::limits::TOTAL_BYTES;
use super::model::{Change, FilePatch, Patch};
use super::reject::{Reason, Reject, Rejected};
use super::resolution::Resolution;
use super::state::{State, Step};
use crate::side::Side;
use pyro_protocol::TreePath;
use std::collections::{BTreeMap, BTreeSet};

/// Decide a patch by what its paths are: `sides` has those of the [`Plan`](super::Plan) that exist.
///
/// Every change of a step starts from what was there before the step. Applying a patch twice fails
/// as it does with `git apply`: what it creates exists, and what it changes no longer reads as it
/// did.
///
/// # Errors
/// [`Rejected`] with every change that does not fit.
pub fn resolve(
    patch: &Patch<'_>,
    sides: &BTreeMap<TreePath, Side>,
) -> Result<Resolution, Rejected> {
    resolve_within(patch, sides, TOTAL_BYTES)
}

/// As [`resolve`], where all that is made has at most `room` bytes.
pub(super) fn resolve_within(
    patch: &Patch<'_>,
    sides: &BTreeMap<TreePath, Side>,
    room: usize,
) -> Result<Resolution, Rejected> {
    let mut work =
        Work { state: State::new(sides), room, spoilt: BTreeSet::new(), rejects: Vec::new() };
    let mut budget = Budget::default();
    for step in &patch.steps {
        let mut rest = step.as_slice();
        while !rest.is_empty() {
            let (now, later) = rest.split_at(work.together(rest));
            work.step(now, &mut budget)?;
            rest = later;
        }
    }
    if !work.rejects.is_empty() {
        work.rejects.sort_by(|a, b| a.path.as_bytes().cmp(b.path.as_bytes()));
        return Err(Rejected { rejects: work.rejects });
    }
    Ok(work.state.resolution())
}

struct Work<'p> {
    state: State<'p>,
    /// Bytes that what is made may have.
    room: usize,
    /// Paths of changes that do not fit: what later steps do to them is not judged.
    spoilt: BTreeSet<TreePath>,
    rejects: Vec<Reject>,
}

impl Work<'_> {
    /// How many changes start from the same state. Diffs that stand one after the other without a
    /// commit between them may go on with what one of them made.
    fn together(&self, files: &[FilePatch<'_>]) -> usize {
        let mut made = BTreeSet::new();
        for (index, file) in files.iter().enumerate() {
            let source = file.change.source();
            let needs = !matches!(file.change, Change::Create(_));
            if needs && made.contains(source) && self.state.get(source).is_none() {
                return index;
            }
            if !matches!(file.change, Change::Delete(_)) {
                made.insert(file.change.target());
            }
        }
        files.len()
    }

    fn step(&mut self, files: &[FilePatch<'_>], budget: &mut Budget) -> Result<(), Rejected> {
        let mut step = Step { leaving: leaving(files), made: BTreeMap::new() };
        let mut rejects = Vec::new();
        for file in files {
            let paths = [file.change.source(), file.change.target()];
            if paths.iter().any(|path| self.spoilt.contains(*path)) {
                self.spoilt.extend(paths.map(Clone::clone));
                continue;
            }
            match self.file(&step, file, budget) {
                Ok(Some(side)) => {
                    let target = file.change.target();
                    let held = side.blob().map_or(0, <[u8]>::len);
                    step.made.insert(target, side);
                    let Some(room) = self.room.checked_sub(held) else {
                        // A copy takes a line of the patch, and any size here.
                        let reject = Reject { path: target.clone(), reason: Reason::TooMuch };
                        return Err(Rejected { rejects: vec![reject] });
                    };
                    self.room = room;
                }
                Ok(None) => {}
                Err(reject) => {
                    self.spoilt.extend(paths.map(Clone::clone));
                    rejects.push(reject);
                }
            }
        }
        rejects.extend(self.state.closed_ways(&step));
        self.rejects.extend(rejects);
        self.room += self.state.take(step);
        Ok(())
    }

    /// Decide one change: what is at its target then, or nothing.
    fn file(
        &self,
        step: &Step<'_>,
        file: &FilePatch<'_>,
        budget: &mut Budget,
    ) -> Result<Option<Side>, Reject> {
        let target = file.change.target();
        let source = self.state.get(file.change.source());
        // A new thing may take the place of one that leaves, or of a directory that empties.
        let (source, new) = match &file.change {
            Change::Create(_) => (None, true),
            Change::Rename { .. } | Change::Copy { .. } => (source, true),
            Change::Delete(_) | Change::Modify { .. } => (source, false),
        };
        let present = self.state.get(target).filter(|_| new && !step.leaving.contains(target));
        if let Some(side) =
            present.filter(|side| !(**side == Side::Directory && self.state.empties(target, step)))
        {
            let reason = Reason::Exists { found: side.artifact() };
            return Err(Reject { path: target.clone(), reason });
        }
        apply(file, source, budget)
    }
}

/// What is deleted or moved away.
fn leaving<'f>(files: &'f [FilePatch<'_>]) -> BTreeSet<&'f TreePath> {
    let gone = |file: &'f FilePatch<'_>| match &file.change {
        Change::Delete(path) | Change::Rename { from: path, .. } => Some(path),
        _ => None,
    };
    files.iter().filter_map(gone).collect()
}
