//! `State`: what the paths of a patch are while its steps are decided.

use super::apply::same;
use super::reject::{Reason, Reject};
use super::resolution::{Action, PatchStatus, Resolution, action};
use crate::side::{ArtifactType, Side};
use pyro_protocol::TreePath;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

/// One step: what leaves, and what is made.
pub(super) struct Step<'f> {
    pub(super) leaving: BTreeSet<&'f TreePath>,
    pub(super) made: BTreeMap<&'f TreePath, Side>,
}

/// What is there before the patch, and what the steps so far changed.
pub(super) struct State<'p> {
    before: &'p BTreeMap<TreePath, Side>,
    /// What was made; none for what left.
    changed: BTreeMap<TreePath, Option<Side>>,
}

impl<'p> State<'p> {
    pub(super) fn new(before: &'p BTreeMap<TreePath, Side>) -> Self {
        Self { before, changed: BTreeMap::new() }
    }

    /// What a path is now.
    pub(super) fn get(&self, path: &TreePath) -> Option<&Side> {
        match self.changed.get(path) {
            Some(Some(side)) => Some(side),
            _ if self.made_below(path).next().is_some() => Some(&Side::Directory),
            Some(None) => None,
            None => self.before.get(path),
        }
    }

    fn made_below<'s>(&'s self, path: &'s TreePath) -> impl Iterator<Item = &'s TreePath> {
        below(&self.changed, path).filter(|(_, side)| side.is_some()).map(|(path, _)| path)
    }

    /// Whether a directory holds nothing any more of what is known to be in it, and held something.
    pub(super) fn empties(&self, path: &TreePath, step: &Step<'_>) -> bool {
        let left = below(&self.changed, path).any(|(_, side)| side.is_none());
        let stays = self.made_below(path).any(|path| !step.leaving.contains(path));
        let mut leaving =
            step.leaving.range::<TreePath, _>((Bound::Excluded(path), Bound::Unbounded));
        !stays && (left || leaving.next().is_some_and(|next| next.is_below(path)))
    }

    /// Every directory on the way to a path must be one, or be made.
    pub(super) fn closed_ways(&self, step: &Step<'_>) -> Vec<Reject> {
        let after = |parent: &TreePath| match step.made.get(parent) {
            Some(side) => Some(side),
            None if step.leaving.contains(parent) => None,
            None => self.get(parent),
        };
        let mut rejects = Vec::new();
        let mut check = |path: &TreePath, found: &dyn Fn(&TreePath) -> Option<ArtifactType>| {
            let obstacle = path.parents().find_map(|parent| {
                Some((found(&parent).filter(|found| *found != ArtifactType::Directory)?, parent))
            });
            if let Some((found, parent)) = obstacle {
                rejects
                    .push(Reject { path: path.clone(), reason: Reason::Parent { parent, found } });
            }
        };
        for path in step.made.keys() {
            check(path, &|parent| after(parent).map(Side::artifact));
        }
        for path in step.leaving.iter().filter(|path| !step.made.contains_key(*path)) {
            check(path, &|parent| self.get(parent).map(Side::artifact));
        }
        rejects
    }

    /// Take over what a step changed; the bytes that are held no longer.
    pub(super) fn take(&mut self, step: Step<'_>) -> usize {
        let mut freed = 0;
        let mut put = |path: &TreePath, side: Option<Side>| {
            let old = self.changed.insert(path.clone(), side).flatten();
            freed += old.as_ref().and_then(Side::blob).map_or(0, <[u8]>::len);
        };
        for path in step.leaving.iter().filter(|path| !step.made.contains_key(**path)) {
            put(path, None);
        }
        for (path, side) in step.made {
            put(path, Some(side));
        }
        freed
    }

    /// What leads from before the patch to now.
    pub(super) fn resolution(self) -> Resolution {
        let mut actions: Vec<Action> = Vec::new();
        let mut outcomes = BTreeMap::new();
        let made = |side: &Option<Side>| side.is_some();
        for (path, _) in self.changed.iter().rev().filter(|(_, side)| !made(side)) {
            // What a step made and another one took away leaves nothing to remove.
            if self.before.get(path).is_some_and(|side| *side != Side::Directory) {
                actions.push(Action::Remove { path: path.clone() });
                outcomes.insert(path.clone(), PatchStatus::Deleted);
            }
        }
        for (path, _) in self.changed.iter().filter(|(_, side)| made(side)) {
            if self.before.get(path) == Some(&Side::Directory) {
                actions.push(Action::RemoveDirectory { path: path.clone() });
            }
        }
        for (path, side) in self.changed {
            let before = self.before.get(&path);
            let Some(side) = side.filter(|side| !before.is_some_and(|before| same(before, side)))
            else {
                continue;
            };
            let status = if before.is_some() { PatchStatus::Modified } else { PatchStatus::Added };
            outcomes.insert(path.clone(), status);
            actions.extend(action(&path, before, side));
        }
        let mut outcomes: Vec<_> = outcomes.into_iter().collect();
        outcomes.sort_by(|(a, _), (b, _)| a.as_bytes().cmp(b.as_bytes()));
        Resolution { actions, outcomes }
    }
}

/// What is below a path, of a map by paths: it comes right after the path.
fn below<'s, T>(
    map: &'s BTreeMap<TreePath, T>,
    path: &'s TreePath,
) -> impl Iterator<Item = (&'s TreePath, &'s T)> {
    let from = map.range::<TreePath, _>((Bound::Excluded(path), Bound::Unbounded));
    from.take_while(|(other, _)| other.is_below(path))
}
