//! Renames: a file that is gone and a file that came, of the very same content.

use super::entry::{Entry, Form, Status};
use super::header::header;
use crate::git::GitMode;
use std::collections::HashMap;

/// The empty blob: every new empty file would be the rename of any other.
const EMPTY: &str = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391";

/// Join what was deleted and added with the same content; the entries are sorted by path and stay
/// so. Links are left out: git takes no rename of a link to a path below it, since such a patch
/// does not say that it is one.
pub(super) fn pair(entries: Vec<Entry>) -> Vec<Entry> {
    let mut gone: HashMap<_, Vec<usize>> = HashMap::new();
    for (at, entry) in entries.iter().enumerate().rev() {
        let id = entry.old_id.filter(|id| id.to_string() != EMPTY && is_file(entry.old_mode));
        if let (Status::Deleted, Some(id), true) = (entry.status, id, carried(entry)) {
            gone.entry(id).or_default().push(at);
        }
    }
    let mut entries: Vec<Option<Entry>> = entries.into_iter().map(Some).collect();
    for at in 0..entries.len() {
        let Some(entry) =
            entries[at].as_ref().filter(|entry| entry.status == Status::Added && carried(entry))
        else {
            continue;
        };
        let Some(id) = entry.new_id.filter(|_| is_file(entry.new_mode)) else { continue };
        let Some(source) = gone.get_mut(&id).and_then(Vec::pop) else { continue };
        if let (Some(old), Some(new)) = (entries[source].take(), entries[at].take()) {
            entries[at] = Some(renamed(old, new));
        }
    }
    entries.into_iter().flatten().collect()
}

fn is_file(mode: Option<GitMode>) -> bool {
    mode.is_some_and(|mode| !mode.same_kind(GitMode::Symlink))
}

fn carried(entry: &Entry) -> bool {
    entry.form != Form::None
}

fn renamed(old: Entry, new: Entry) -> Entry {
    let mut entry = Entry {
        status: Status::Renamed,
        old_path: Some(old.path),
        old_mode: old.old_mode,
        old_id: old.old_id,
        form: Form::Text,
        added_lines: 0,
        deleted_lines: 0,
        ..new
    };
    entry.patch = header(&entry, false);
    entry
}
