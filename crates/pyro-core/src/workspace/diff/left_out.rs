//! What has to be left out of a patch because something else is.

use super::entry::{Entry, Form};
use crate::workspace::git::path::RelPath;
use std::collections::BTreeSet;
use std::ops::Bound;

/// Leave out what cannot be made while a file that is left out stays where it was: a patch with it would be refused as a
/// whole.
pub(super) fn spread(entries: &mut [Entry]) {
    let mut staying: BTreeSet<RelPath> =
        entries.iter().filter(|entry| entry.form == Form::Named).filter_map(stays).collect();
    let mut found = !staying.is_empty();
    while found {
        found = false;
        for entry in entries.iter_mut().filter(|entry| matches!(entry.form, Form::Text | Form::Binary)) {
            if makes_path(entry) && in_the_way(&staying, &entry.path) {
                entry.leave_out();
                staying.extend(stays(entry));
                found = true;
            }
        }
    }
}

/// The path that has a file or a link before, and keeps it when the change is left out.
fn stays(entry: &Entry) -> Option<RelPath> {
    entry.old_mode.map(|_| entry.old_path.as_ref().unwrap_or(&entry.path).clone())
}

/// Whether there is a file or a link afterwards where none was.
fn makes_path(entry: &Entry) -> bool {
    entry.new_mode.is_some() && (entry.old_mode.is_none() || entry.old_path.is_some())
}

fn in_the_way(staying: &BTreeSet<RelPath>, path: &RelPath) -> bool {
    let below = staying.range::<RelPath, _>((Bound::Excluded(path), Bound::Unbounded));
    let mut near = below.take_while(|other| other.as_bytes().starts_with(path.as_bytes()));
    staying.contains(path)
        || path.parents().any(|parent| staying.contains(&parent))
        || near.any(|other| other.is_below(path))
}
