//! Two manifests of one tree compared: what may differ, told without reading a file. Pure.

use pyro_protocol::TreePath;
use pyro_protocol::tree::{Entry, Kind, Meta};
use std::cmp::Ordering;

/// A path that may differ; of a directory only when it holds nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// Where.
    pub path: TreePath,
    /// What was there.
    pub old: Option<Entry>,
    /// What is there.
    pub new: Option<Entry>,
}

/// What may differ below `within`, in the order of a walk. A node whose inode, length, mode and both times are equal is
/// the same: nothing that a guest does changes a file without its ctime.
#[must_use]
pub fn compare(old: &[Entry], new: &[Entry], within: &TreePath) -> Vec<Changed> {
    let mut changed = Vec::new();
    let (mut left, mut right) = (0, 0);
    loop {
        let (a, b) = (old.get(left), new.get(right));
        let order = match (a, b) {
            (None, None) => return changed,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(a), Some(b)) => a.path.cmp(&b.path),
        };
        let before = a.filter(|_| order != Ordering::Greater);
        let after = b.filter(|_| order != Ordering::Less);
        let holds = (before.is_some_and(|_| holds(old, left)), after.is_some_and(|_| holds(new, right)));
        left += usize::from(before.is_some());
        right += usize::from(after.is_some());
        if let Some(found) = judge(before, after, holds)
            && found.path.is_within(within)
            && !found.path.is_root()
        {
            changed.push(found);
        }
    }
}

/// Whether the directory at `at` holds something: then the next entry lies in it.
fn holds(entries: &[Entry], at: usize) -> bool {
    entries.get(at + 1).is_some_and(|next| next.path.is_within(&entries[at].path))
}

fn judge(old: Option<&Entry>, new: Option<&Entry>, holds: (bool, bool)) -> Option<Changed> {
    let is_dir = |entry: Option<&Entry>| entry.is_some_and(|entry| entry.meta.kind == Kind::Directory);
    if is_dir(old) && is_dir(new) {
        return None;
    }
    if let (Some(old), Some(new)) = (old, new)
        && is_same(&old.meta, &new.meta)
        && old.target == new.target
    {
        return None;
    }
    // A directory that holds something is what it holds.
    let old = old.filter(|_| !(is_dir(old) && holds.0));
    let new = new.filter(|_| !(is_dir(new) && holds.1));
    let path = old.or(new)?.path.clone();
    Some(Changed { path, old: old.cloned(), new: new.cloned() })
}

fn is_same(old: &Meta, new: &Meta) -> bool {
    let stamp = |meta: &Meta| (meta.kind, meta.ino, meta.size, meta.mode, meta.mtime, meta.ctime);
    stamp(old) == stamp(new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pyro_protocol::tree::Time;

    fn tree(nodes: &[(&str, Kind, i64)]) -> Vec<Entry> {
        let entry = |(path, kind, seconds): &(&str, Kind, i64)| {
            let ctime = Time { seconds: *seconds, nanoseconds: 0 };
            let meta = Meta { ctime, ..Meta::new(*kind, 0o644) };
            Entry { path: TreePath::parse(path.as_bytes()).unwrap(), meta, target: Vec::new() }
        };
        nodes.iter().map(entry).collect()
    }

    #[test]
    fn only_what_may_differ_is_named_and_directories_only_when_they_are_empty() {
        use Kind::{Directory as D, File as F};
        let old = tree(&[
            ("", D, 1),
            ("a", F, 1),
            ("d", D, 1),
            ("d/x", F, 1),
            ("e", D, 1),
            ("f", F, 1),
            ("t", D, 1),
            ("t/x", F, 1),
        ]);
        let new = tree(&[
            ("", D, 2),
            ("a", F, 2),
            ("d", D, 2),
            ("f", F, 1),
            ("n", D, 1),
            ("o", D, 1),
            ("o/y", F, 1),
            ("t", F, 1),
        ]);
        let told = |within: &str| -> Vec<_> {
            let within = TreePath::parse(within.as_bytes()).unwrap();
            let found = compare(&old, &new, &within);
            found.iter().map(|one| (one.path.to_string(), one.old.is_some(), one.new.is_some())).collect()
        };
        let all = [
            ("a", true, true),
            ("d/x", true, false),
            ("e", true, false),
            ("n", false, true),
            ("o/y", false, true),
            ("t", false, true),
            ("t/x", true, false),
        ];
        assert_eq!(told(""), all.map(|(path, old, new)| (path.to_owned(), old, new)));
        assert_eq!(told("d"), [("d/x".to_owned(), true, false)]);
        assert_eq!(told("f"), []);
    }
}
