//! A decided patch as staged nodes and the steps that put them in force. Pure.

use pyro_patch::patch::Action as Decided;
use pyro_patch::patch::Resolution;
use pyro_protocol::TreePath;
use pyro_protocol::tree::{Action, Expect, Kind, Meta, Step, Time};
use std::collections::{BTreeMap, BTreeSet};

/// What is staged, and what is done with it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct PatchSteps {
    /// Nodes to stage, in the order of a walk.
    pub staged: Vec<Staged>,
    /// The steps.
    pub steps: Vec<Step>,
    /// Directories that a file takes the place of: they hold nothing else than directories and what
    /// goes.
    pub emptied: Vec<TreePath>,
    /// Directories that may be empty afterwards, the deepest first.
    pub left: Vec<TreePath>,
}

/// A file or a link to stage.
#[derive(Debug, PartialEq, Eq)]
pub struct Staged {
    /// Where.
    pub path: TreePath,
    /// What it is.
    pub meta: Meta,
    /// All that a file holds.
    pub bytes: Vec<u8>,
    /// What a link points to.
    pub target: Vec<u8>,
}

impl PatchSteps {
    /// The steps of a resolution that was made from `found`, which also has the parents of all
    /// paths. What is new gets the time `now`; what is replaced keeps its owner.
    #[must_use]
    pub fn of(resolution: &Resolution, found: &BTreeMap<TreePath, Meta>, now: Time) -> Self {
        let mut made = Self::default();
        let mut whole = BTreeSet::new();
        let there = |path: &TreePath| found.get(path).copied();
        let expect =
            |path: &TreePath| there(path).map_or(Expect::Absent, |meta| Expect::same(&meta));
        for action in &resolution.actions {
            if let Decided::RemoveDirectory { path } = action {
                made.emptied.push(path.clone());
            }
        }
        for action in &resolution.actions {
            match action {
                Decided::Remove { path } => {
                    made.leave(path);
                    if !made.emptied.iter().any(|above| path.is_within(above)) {
                        let (path, expect) = (path.clone(), expect(path));
                        made.steps.push(Step { path, expect, action: Action::Delete });
                    }
                }
                Decided::RemoveDirectory { .. } => {}
                Decided::Chmod { path, mode } => {
                    let action = Action::Set { mode: Some(*mode), mtime: None };
                    made.steps.push(Step { path: path.clone(), expect: expect(path), action });
                }
                Decided::WriteFile { path, mode, bytes } => {
                    let size = bytes.len() as u64;
                    let meta = Meta { size, ..Meta::new(Kind::File, *mode) };
                    made.put(path, meta, bytes, b"", now, &there, &mut whole);
                }
                Decided::Symlink { path, target } => {
                    let meta = Meta::new(Kind::Symlink, 0o777);
                    made.put(path, meta, b"", target, now, &there, &mut whole);
                }
            }
        }
        // A removal goes with what is put in its directory's place.
        made.staged.sort_by(|a, b| a.path.cmp(&b.path));
        made
    }

    #[allow(clippy::too_many_arguments, reason = "the parts of one node")]
    fn put(
        &mut self,
        path: &TreePath,
        meta: Meta,
        bytes: &[u8],
        target: &[u8],
        now: Time,
        there: &impl Fn(&TreePath) -> Option<Meta>,
        whole: &mut BTreeSet<TreePath>,
    ) {
        let old = there(path);
        let (uid, gid) = old.map_or((0, 0), |old| (old.uid, old.gid));
        let meta = Meta { uid, gid, mtime: now, ..meta };
        self.staged.push(Staged {
            path: path.clone(),
            meta,
            bytes: bytes.to_vec(),
            target: target.to_vec(),
        });
        // The first directory on the way that is not there is put with all that is staged below it.
        let is_dir = |path: &TreePath| there(path).is_some_and(|meta| meta.kind == Kind::Directory);
        let top = path.parents().find(|parent| !is_dir(parent)).unwrap_or_else(|| path.clone());
        if !whole.insert(top.clone()) {
            return;
        }
        let expect = there(&top).map_or(Expect::Absent, |meta| Expect::same(&meta));
        // A directory takes the place of a file that goes.
        self.steps.retain(|step| step.path != top);
        self.steps.push(Step { path: top, expect, action: Action::Put });
    }

    fn leave(&mut self, path: &TreePath) {
        for parent in path.parents() {
            if !self.left.contains(&parent) {
                self.left.push(parent);
            }
        }
        self.left.sort_by_key(|path| {
            std::cmp::Reverse(path.as_bytes().iter().filter(|byte| **byte == b'/').count())
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pyro_patch::Side;

    fn found(nodes: &[(&str, Side)]) -> BTreeMap<TreePath, Meta> {
        let one = |(path, side): &(&str, Side)| {
            let path = TreePath::parse(path.as_bytes()).unwrap();
            let kind = if *side == Side::Directory { Kind::Directory } else { Kind::File };
            let meta = Meta { uid: 5, ino: 3, ..Meta::new(kind, 0o644) };
            (path, meta)
        };
        nodes.iter().map(one).collect()
    }

    fn rel(path: &str) -> TreePath {
        TreePath::parse(path.as_bytes()).unwrap()
    }

    fn write(path: &str) -> Decided {
        Decided::WriteFile { path: rel(path), mode: 0o644, bytes: b"x".to_vec() }
    }

    fn told(actions: Vec<Decided>, nodes: &[(&str, Side)]) -> (Vec<String>, PatchSteps) {
        let resolution = Resolution { actions, outcomes: Vec::new() };
        let steps = PatchSteps::of(&resolution, &found(nodes), Time::default());
        let word = |step: &Step| {
            format!("{:?} {} {}", step.action, step.path, step.expect != Expect::Absent)
        };
        (steps.steps.iter().map(word).collect(), steps)
    }

    #[test]
    fn missing_directories_are_put_once_and_owners_stay() {
        let nodes = [("d", Side::Directory), ("d/old", Side::file(0o644, *b"o"))];
        let (words, steps) = told(vec![write("d/old"), write("n/m/a"), write("n/m/b")], &nodes);
        assert_eq!(words, ["Put d/old true", "Put n false"]);
        assert_eq!(steps.staged.iter().map(|one| one.meta.uid).collect::<Vec<_>>(), [5, 0, 0]);
    }

    #[test]
    fn kinds_change_places() {
        let nodes = [
            ("d", Side::Directory),
            ("d/x", Side::file(0o644, *b"o")),
            ("f", Side::file(0o644, *b"o")),
        ];
        let remove = |path| Decided::Remove { path: rel(path) };
        let file_for_dir =
            vec![remove("d/x"), Decided::RemoveDirectory { path: rel("d") }, write("d")];
        let (words, steps) = told(file_for_dir, &nodes);
        assert_eq!((words, steps.emptied.len()), (vec!["Put d true".to_owned()], 1));
        let (words, _) = told(vec![remove("f"), write("f/x")], &nodes);
        assert_eq!(words, ["Put f true"]);
        let (words, steps) = told(vec![remove("d/x")], &nodes);
        assert_eq!(words, ["Delete d/x true"]);
        assert_eq!(steps.left.iter().map(ToString::to_string).collect::<Vec<_>>(), ["d"]);
    }
}
