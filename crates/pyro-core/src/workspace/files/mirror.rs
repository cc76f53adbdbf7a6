//! What a push that mirrors its source deletes. Pure.

use pyro_protocol::TreePath;
use pyro_protocol::tree::{Entry, Kind};
use std::collections::HashSet;

/// Nodes of `present` that the source does not have, in the order of a walk; both are in that order
/// too. `replaced` are the paths, in the same order, that something else is put in place of: what
/// lies below them goes with them and is not named here. What is left alone stays, with the
/// directories on the way to it.
pub(super) fn deleted<'a>(
    source: &[Entry],
    present: &'a [Entry],
    replaced: &[&TreePath],
    leaves_out: &dyn Fn(&[u8], bool) -> bool,
) -> Vec<&'a Entry> {
    let source: HashSet<&TreePath> = source.iter().map(|entry| &entry.path).collect();
    let mut kept: HashSet<Vec<u8>> = HashSet::new();
    let mut going = Vec::new();
    // From the end, so that all that a directory holds is judged before it.
    for entry in present.iter().rev() {
        let path = entry.path.as_bytes();
        let is_dir = entry.meta.kind == Kind::Directory;
        // They rise as the source does, and none lies in another: only the last one before it can
        // hold it.
        let before = replaced.partition_point(|above| **above <= entry.path);
        if before.checked_sub(1).is_some_and(|last| entry.path.is_within(replaced[last])) {
            continue;
        }
        let stays = entry.path.is_root()
            || source.contains(&entry.path)
            || kept.contains(path)
            || leaves_out(path, is_dir);
        if !stays {
            going.push(entry);
        } else if let Some((parent, _)) = entry.path.split() {
            kept.insert(parent.to_vec());
        }
    }
    going.reverse();
    going
}

#[cfg(test)]
mod tests {
    use super::*;
    use pyro_protocol::tree::Meta;

    fn tree(entries: &[(&str, Kind)]) -> Vec<Entry> {
        let entry = |(path, kind): &(&str, Kind)| Entry {
            path: TreePath::parse(path.as_bytes()).unwrap(),
            meta: Meta::new(*kind, 0o644),
            target: Vec::new(),
        };
        [("", Kind::Directory)].iter().chain(entries).map(entry).collect()
    }

    #[test]
    fn what_the_source_lacks_goes_but_for_what_is_left_alone_and_the_way_to_it() {
        use Kind::{Directory as D, File as F};
        let source = tree(&[("a", F), ("r", F)]);
        let present = tree(&[
            ("a", F),
            ("gone", D),
            ("gone/x", F),
            ("held", D),
            ("held/keep", F),
            ("held/x", F),
            ("r", D),
            ("r/x", F),
        ]);
        let replaced = &source[2].path;
        let going = deleted(&source, &present, &[replaced], &|path, _| path.ends_with(b"keep"));
        let going: Vec<_> = going.iter().map(|entry| entry.path.to_string()).collect();
        assert_eq!(going, ["gone", "gone/x", "held/x"]);
    }
}
