//! The plan of a push: what differs between a tree on the host and one in the guest, as steps.
//! Pure.

use super::mirror::deleted;
use crate::workspace::place::joined;
use pyro_protocol::TreePath;
use pyro_protocol::tree::{Action, Entry, Expect, Kind, Meta, Step, Time};
use std::collections::{BTreeMap, HashMap, HashSet};

/// The two trees, each in the order of a walk, its root first.
pub struct Trees<'a> {
    /// What is pushed.
    pub source: &'a [Entry],
    /// What is there; nothing where there is no such directory.
    pub present: &'a [Entry],
    /// Files that are known to hold the same.
    pub equal: &'a HashSet<TreePath>,
    /// Where the tree is, below the root of the plan.
    pub dest: &'a TreePath,
    /// The first directory on the way to `dest` that is missing.
    pub missing: Option<&'a TreePath>,
    /// What is not pushed is deleted.
    pub delete: bool,
    /// Directories whose modes and times the source knows, all where none are given: an archive
    /// need not name those of its files.
    pub directories: Option<&'a HashSet<TreePath>>,
    /// What is left alone: asked with a path of the tree, and whether it is a directory.
    pub leaves_out: &'a dyn Fn(&[u8], bool) -> bool,
}

/// What is to be done.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct PushPlan {
    /// The steps.
    pub steps: Vec<Step>,
    /// Nodes of the source whose content is needed, in the order of a walk.
    pub send: Vec<TreePath>,
    /// Bytes of them.
    pub bytes: u64,
    /// Nodes that are as they should be, or get only another mode or time.
    pub unchanged: u64,
    /// Nodes that go.
    pub deleted: u64,
    /// Nodes that stand where something of another kind is to go.
    pub in_the_way: Vec<TreePath>,
}

/// Files of equal length, each with what is there. Their times say nothing: npm packages and crates
/// have fixed ones.
#[must_use]
pub fn candidates<'a>(source: &'a [Entry], present: &'a [Entry]) -> Vec<(&'a Entry, &'a Meta)> {
    let present: HashMap<&TreePath, &Meta> =
        present.iter().map(|entry| (&entry.path, &entry.meta)).collect();
    let pair = |entry: &'a Entry| {
        let there = *present.get(&entry.path)?;
        let is_one = there.kind == Kind::File
            && entry.meta.kind == Kind::File
            && there.size == entry.meta.size;
        is_one.then_some((entry, there))
    };
    source.iter().filter_map(pair).collect()
}

impl PushPlan {
    /// The plan for two trees.
    #[must_use]
    pub fn of(trees: &Trees<'_>) -> Self {
        let mut planner = Planner {
            trees,
            present: trees.present.iter().map(|entry| (&entry.path, entry)).collect(),
            plan: Self::default(),
            sets: BTreeMap::new(),
            put: None,
            replaced: Vec::new(),
        };
        for entry in trees.source {
            planner.entry(entry);
        }
        if trees.delete {
            planner.delete();
        }
        planner.finish()
    }
}

type Set = (Option<u32>, Option<Time>);

struct Planner<'a> {
    trees: &'a Trees<'a>,
    present: HashMap<&'a TreePath, &'a Entry>,
    plan: PushPlan,
    /// Directories and files that get another mode or time.
    sets: BTreeMap<&'a TreePath, Set>,
    /// The directory that is put as a whole, while its nodes come.
    put: Option<&'a TreePath>,
    /// What was there in place of what is put.
    replaced: Vec<&'a TreePath>,
}

impl<'a> Planner<'a> {
    fn entry(&mut self, entry: &'a Entry) {
        if self.put.is_some_and(|put| entry.path.is_within(put)) {
            return self.send(entry);
        }
        self.put = None;
        let Some(there) = self.present.get(&entry.path).copied() else {
            return self.put(entry, Expect::Absent);
        };
        let (new, old) = (&entry.meta, &there.meta);
        let mode = (new.mode != old.mode).then_some(new.mode);
        let mtime = (new.mtime != old.mtime).then_some(new.mtime);
        match (new.kind, old.kind) {
            (Kind::Directory, Kind::Directory) => {
                let set = (mode, mtime);
                let is_known =
                    self.trees.directories.is_none_or(|known| known.contains(&entry.path));
                if is_known && set != (None, None) {
                    self.sets.insert(&entry.path, set);
                }
                self.plan.unchanged += u64::from(!entry.path.is_root());
            }
            (Kind::File, Kind::File) if self.trees.equal.contains(&entry.path) => {
                self.keep(entry, (mode, mtime))
            }
            (Kind::Symlink, Kind::Symlink) if entry.target == there.target => {
                self.keep(entry, (None, mtime))
            }
            (new, old) if new != old && self.is_in_the_way(entry, there) => {
                self.plan.in_the_way.push(joined(self.trees.dest, &entry.path));
                // What belongs below it needs no words of its own.
                self.put = Some(&entry.path);
            }
            _ => {
                self.replaced.push(&entry.path);
                self.put(entry, Expect::same(old));
            }
        }
    }

    /// A directory that holds something goes only where deleting was asked for, and not with what
    /// is to be left alone; the tree's own place never.
    fn is_in_the_way(&self, entry: &Entry, there: &Entry) -> bool {
        let stays = |node: &Entry| {
            let is_dir = node.meta.kind == Kind::Directory;
            !self.trees.delete || (self.trees.leaves_out)(node.path.as_bytes(), is_dir)
        };
        let present = self.trees.present;
        let behind = present.partition_point(|other| other.path <= there.path);
        let mut below =
            present[behind..].iter().take_while(|other| other.path.is_within(&there.path));
        entry.path.is_root() || (there.meta.kind == Kind::Directory && below.any(stays))
    }

    fn keep(&mut self, entry: &'a Entry, set: Set) {
        self.plan.unchanged += 1;
        if set != (None, None) {
            self.sets.insert(&entry.path, set);
        }
    }

    fn send(&mut self, entry: &'a Entry) {
        self.plan.send.push(entry.path.clone());
        let bytes = if entry.meta.kind == Kind::File { entry.meta.size } else { 0 };
        // An archive may tell of sparse files that are longer than any disk.
        self.plan.bytes = self.plan.bytes.saturating_add(bytes);
    }

    fn put(&mut self, entry: &'a Entry, expect: Expect) {
        if entry.meta.kind == Kind::Directory {
            self.put = Some(&entry.path);
        }
        let at = joined(self.trees.dest, &entry.path);
        let path = self.trees.missing.filter(|_| entry.path.is_root()).cloned().unwrap_or(at);
        self.plan.steps.push(Step { path, expect, action: Action::Put });
        self.touch(&entry.path);
        self.send(entry);
    }

    /// The directory that holds a change keeps the time that the source gives it.
    fn touch(&mut self, path: &TreePath) {
        let Some((parent, _)) = path.split() else { return };
        let Ok(parent) = TreePath::parse(parent) else { return };
        let found = self.trees.source.binary_search_by(|entry| entry.path.cmp(&parent));
        if let Some(entry) = found.ok().map(|at| &self.trees.source[at]) {
            self.sets.entry(&entry.path).or_default().1 = Some(entry.meta.mtime);
        }
    }

    fn delete(&mut self) {
        let Trees { source, present, leaves_out, .. } = *self.trees;
        let going = deleted(source, present, &self.replaced, leaves_out);
        let mut above: Option<&TreePath> = None;
        for entry in going {
            self.plan.deleted += 1;
            if above.is_some_and(|above| entry.path.is_within(above)) {
                continue;
            }
            above = Some(&entry.path);
            let path = joined(self.trees.dest, &entry.path);
            self.plan.steps.push(Step {
                path,
                expect: Expect::same(&entry.meta),
                action: Action::Delete,
            });
            self.touch(&entry.path);
        }
    }

    fn finish(mut self) -> PushPlan {
        for (path, (mode, mtime)) in self.sets {
            let kind = self.present.get(path).map(|entry| entry.meta.kind);
            let expect = kind.map_or(Expect::Any, Expect::Kind);
            let path = joined(self.trees.dest, path);
            self.plan.steps.push(Step { path, expect, action: Action::Set { mode, mtime } });
        }
        self.plan
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(path: &str, kind: Kind, size: u64, seconds: i64) -> Entry {
        let mtime = Time { seconds, nanoseconds: 0 };
        let mode = if kind == Kind::Directory { 0o755 } else { 0o644 };
        let meta = Meta { size, mtime, ino: 7, ..Meta::new(kind, mode) };
        let target = if kind == Kind::Symlink { b"to".to_vec() } else { Vec::new() };
        Entry { path: TreePath::parse(path.as_bytes()).unwrap(), meta, target }
    }

    fn tree(entries: &[(&str, Kind, u64, i64)]) -> Vec<Entry> {
        let root = [("", Kind::Directory, 0, 0)];
        root.iter()
            .chain(entries)
            .map(|(path, kind, size, seconds)| entry(path, *kind, *size, *seconds))
            .collect()
    }

    /// Files of equal length and time are equal here.
    fn plan(source: &[Entry], present: &[Entry], delete: bool) -> PushPlan {
        let is_equal = |(new, old): &(&Entry, &Meta)| new.meta.mtime == old.mtime;
        let equal = candidates(source, present)
            .into_iter()
            .filter(is_equal)
            .map(|(new, _)| new.path.clone())
            .collect();
        plan_of(source, present, &equal, delete)
    }

    fn plan_of(
        source: &[Entry],
        present: &[Entry],
        equal: &HashSet<TreePath>,
        delete: bool,
    ) -> PushPlan {
        PushPlan::of(&Trees {
            source,
            present,
            equal,
            dest: &TreePath::root(),
            missing: None,
            delete,
            directories: None,
            leaves_out: &|path, _| path.starts_with(b"target"),
        })
    }

    fn steps(plan: &PushPlan) -> Vec<String> {
        let word = |action| match action {
            Action::Put => "put",
            Action::Delete => "delete",
            Action::Set { .. } => "set",
        };
        plan.steps.iter().map(|step| format!("{} {}", word(step.action), step.path)).collect()
    }

    use Kind::{Directory as D, File as F, Symlink as L};

    #[test]
    fn only_what_changed_is_sent() {
        let source = tree(&[
            ("a", F, 1, 1),
            ("b", F, 2, 1),
            ("d", D, 0, 1),
            ("d/x", F, 3, 1),
            ("l", L, 2, 1),
        ]);
        let present = tree(&[("a", F, 1, 1), ("b", F, 3, 1), ("l", L, 2, 1), ("old", F, 1, 1)]);
        let plan = plan(&source, &present, false);
        assert_eq!(steps(&plan), ["put b", "put d", "set ."]);
        let sent: Vec<_> = plan.send.iter().map(ToString::to_string).collect();
        assert_eq!(
            (sent, plan.bytes, plan.unchanged),
            (["b", "d", "d/x"].map(str::to_owned).to_vec(), 5, 2)
        );
        assert_eq!(steps(&self::plan(&source, &source, true)), [""; 0]);
    }

    #[test]
    fn what_is_ignored_survives_a_mirror_with_the_directories_on_its_way() {
        let source = tree(&[("a", F, 1, 1)]);
        let present = tree(&[
            ("a", F, 1, 1),
            ("gone", D, 0, 1),
            ("gone/x", F, 1, 1),
            ("old", F, 1, 1),
            ("target", D, 0, 1),
            ("target/x", F, 1, 1),
        ]);
        let plan = plan(&source, &present, true);
        assert_eq!(
            (steps(&plan), plan.deleted),
            (vec!["delete gone".to_owned(), "delete old".into(), "set .".into()], 3)
        );
    }

    #[test]
    fn a_directory_that_holds_something_is_in_the_way_of_a_file() {
        let source = tree(&[("a", F, 1, 1), ("d", D, 0, 1), ("d/x", F, 1, 1)]);
        let present = tree(&[("a", D, 0, 1), ("a/x", F, 1, 1), ("d", F, 1, 1)]);
        let refused = plan(&source, &present, false);
        assert_eq!(refused.in_the_way.iter().map(ToString::to_string).collect::<Vec<_>>(), ["a"]);
        let mirrored = plan(&source, &present, true);
        assert_eq!(
            (mirrored.in_the_way.len(), steps(&mirrored)),
            (0, vec!["put a".to_owned(), "put d".into(), "set .".into()])
        );
    }

    #[test]
    fn a_mirror_does_not_replace_a_directory_with_what_is_ignored_in_it() {
        let source = tree(&[("build", F, 1, 1), ("other", L, 1, 1), ("target", F, 1, 1)]);
        let present = tree(&[
            ("build", D, 0, 1),
            ("build/deep", D, 0, 1),
            ("build/deep/cache.db", F, 1, 1),
            ("build/made", F, 1, 1),
            ("other", D, 0, 1),
            ("other/made", F, 1, 1),
            ("target", D, 0, 1),
            ("target/x", F, 1, 1),
        ]);
        let of = |leaves_out: &dyn Fn(&[u8], bool) -> bool| {
            PushPlan::of(&Trees {
                source: &source,
                present: &present,
                equal: &HashSet::new(),
                dest: &TreePath::root(),
                missing: None,
                delete: true,
                directories: None,
                leaves_out,
            })
        };
        let ignored = |path: &[u8], _| path.ends_with(b".db") || path.starts_with(b"target");
        let plan = of(&ignored);
        assert_eq!(
            plan.in_the_way.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["build", "target"]
        );
        // Without rules all of it goes.
        let plan = of(&|_, _| false);
        assert_eq!(
            (plan.in_the_way.len(), steps(&plan)),
            (0, ["put build", "put other", "put target", "set ."].map(str::to_owned).to_vec())
        );
    }

    #[test]
    fn lengths_that_no_sum_can_hold_are_counted_as_the_most() {
        let source = tree(&[
            ("a", F, u64::MAX >> 1, 1),
            ("b", F, u64::MAX >> 1, 1),
            ("c", F, u64::MAX >> 1, 1),
        ]);
        assert_eq!(plan(&source, &tree(&[]), false).bytes, u64::MAX);
    }

    #[test]
    fn a_mirror_that_replaces_very_much_is_planned_in_no_time() {
        let name = |number: u32| format!("{number:06}");
        let entries = |kind, below: bool| {
            let root = entry("", D, 0, 0);
            let pair = move |number| {
                let inner = below.then(|| entry(&format!("{}/x", name(number)), F, 1, 1));
                std::iter::once(entry(&name(number), kind, 1, 1)).chain(inner)
            };
            std::iter::once(root).chain((0..100_000).flat_map(pair)).collect::<Vec<_>>()
        };
        let (source, present) = (entries(L, false), entries(D, true));
        let started = std::time::Instant::now();
        let mirrored = plan(&source, &present, true);
        assert_eq!(
            (mirrored.steps.len(), mirrored.deleted, mirrored.in_the_way.len()),
            (100_001, 0, 0)
        );
        assert_eq!(plan(&source, &present, false).in_the_way.len(), 100_000);
        assert!(started.elapsed() < std::time::Duration::from_secs(30), "{:?}", started.elapsed());
    }

    #[test]
    fn equal_length_and_time_prove_nothing() {
        let source = tree(&[("a", F, 1, 1), ("b", F, 1, 1), ("c", F, 2, 1), ("d", L, 1, 1)]);
        let present = tree(&[("a", F, 1, 2), ("b", F, 1, 1), ("c", F, 1, 1), ("d", F, 1, 1)]);
        let found: Vec<_> =
            candidates(&source, &present).iter().map(|(entry, _)| entry.path.to_string()).collect();
        assert_eq!(found, ["a", "b"]);
        assert_eq!(
            steps(&plan_of(&source, &source, &HashSet::new(), false)),
            ["put a", "put b", "put c", "set ."]
        );
    }

    #[test]
    fn what_is_equal_gets_the_times_of_the_source() {
        let source = tree(&[("a", F, 1, 1), ("d", D, 0, 1), ("d/x", F, 1, 1), ("l", L, 2, 1)]);
        let present = tree(&[("a", F, 1, 2), ("d", D, 0, 2), ("d/x", F, 1, 1), ("l", L, 2, 2)]);
        let equal = source.iter().map(|entry| entry.path.clone()).collect();
        let plan = plan_of(&source, &present, &equal, false);
        assert_eq!(
            (steps(&plan), plan.unchanged),
            (["set a", "set d", "set l"].map(str::to_owned).to_vec(), 4)
        );
        let time = Some(Time { seconds: 1, nanoseconds: 0 });
        assert!(
            plan.steps.iter().all(|step| step.action == Action::Set { mode: None, mtime: time })
        );
    }
}
