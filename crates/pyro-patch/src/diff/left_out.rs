//! What has to be left out of a patch because something else is.

use super::entry::{Entry, Form};
use pyro_protocol::TreePath;
use std::collections::BTreeMap;
use std::ops::Bound;

/// Leave out what cannot be made while a file that is left out stays where it was: a patch with it
/// would be refused as a whole. Each entry is left out at most once, and a guest chooses how many
/// hang on each other.
pub(super) fn spread(entries: &mut [Entry]) {
    let mut makers: BTreeMap<Vec<u8>, Vec<usize>> = BTreeMap::new();
    for (at, entry) in entries.iter().enumerate() {
        if matches!(entry.form, Form::Text | Form::Binary) && makes_path(entry) {
            makers.entry(entry.path.as_bytes().to_vec()).or_default().push(at);
        }
    }
    let mut staying: Vec<TreePath> =
        entries.iter().filter(|entry| entry.form == Form::Named).filter_map(stays).collect();
    while let Some(path) = staying.pop() {
        for at in in_the_way(&mut makers, &path) {
            entries[at].leave_out();
            staying.extend(stays(&entries[at]));
        }
    }
}

/// The path that has a file or a link before, and keeps it when the change is left out.
fn stays(entry: &Entry) -> Option<TreePath> {
    entry.old_mode.map(|_| entry.old_path.as_ref().unwrap_or(&entry.path).clone())
}

/// Whether there is a file or a link afterwards where none was.
fn makes_path(entry: &Entry) -> bool {
    entry.new_mode.is_some() && (entry.old_mode.is_none() || entry.old_path.is_some())
}

/// Take those out of `makers` that would stand at, above or below `path`.
fn in_the_way(makers: &mut BTreeMap<Vec<u8>, Vec<usize>>, path: &TreePath) -> Vec<usize> {
    let inside = [path.as_bytes(), b"/"].concat();
    let from = makers.range::<[u8], _>((Bound::Included(inside.as_slice()), Bound::Unbounded));
    let below = from.map(|(path, _)| path.clone()).take_while(|below| below.starts_with(&inside));
    let mut found: Vec<Vec<u8>> = below.collect();
    found.push(path.as_bytes().to_vec());
    found.extend(path.parents().map(|parent| parent.as_bytes().to_vec()));
    found.iter().filter_map(|path| makers.remove(path)).flatten().collect()
}
