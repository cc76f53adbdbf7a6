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

/// What may differ below `within`, in the order of a walk. A node whose inode, length, mode and
/// both times are equal is the same: nothing that a guest does changes a file without its ctime.
#[must_use]
pub fn compare(old: Vec<Entry>, new: Vec<Entry>, within: &TreePath) -> Vec<Changed> {
    let mut changed = Vec::new();
    let (mut old, mut new) = (old.into_iter().peekable(), new.into_iter().peekable());
    loop {
        let order = match (old.peek(), new.peek()) {
            (None, None) => return changed,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(a), Some(b)) => a.path.cmp(&b.path),
        };
        let before = old.next_if(|_| order != Ordering::Greater);
        let after = new.next_if(|_| order != Ordering::Less);
        let holds = (holds(before.as_ref(), old.peek()), holds(after.as_ref(), new.peek()));
        if let Some(found) = judge(before, after, holds)
            && found.path.is_within(within)
            && !found.path.is_root()
        {
            changed.push(found);
        }
    }
}

/// Whether a directory holds something: then the next entry lies in it.
fn holds(entry: Option<&Entry>, next: Option<&Entry>) -> bool {
    entry.zip(next).is_some_and(|(entry, next)| next.path.is_within(&entry.path))
}

fn judge(old: Option<Entry>, new: Option<Entry>, holds: (bool, bool)) -> Option<Changed> {
    let is_dir = |entry: &Option<Entry>| {
        entry.as_ref().is_some_and(|entry| entry.meta.kind == Kind::Directory)
    };
    let (old_is_dir, new_is_dir) = (is_dir(&old), is_dir(&new));
    if old_is_dir && new_is_dir {
        return None;
    }
    if let (Some(old), Some(new)) = (&old, &new)
        && is_same(&old.meta, &new.meta)
        && old.target == new.target
    {
        return None;
    }
    // A directory that holds something is what it holds.
    let old = old.filter(|_| !(old_is_dir && holds.0));
    let new = new.filter(|_| !(new_is_dir && holds.1));
    let path = old.as_ref().or(new.as_ref())?.path.clone();
    Some(Changed { path, old, new })
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
            let found = compare(old.clone(), new.clone(), &within);
            found
                .iter()
                .map(|one| (one.path.to_string(), one.old.is_some(), one.new.is_some()))
                .collect()
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
