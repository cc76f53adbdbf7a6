//! The lines before the hunks: names, modes, blob ids.

use super::entry::{Entry, Status};
use crate::git::BlobId;
use crate::git::quote;

/// Digits of a blob id where nobody needs all of them.
const SHORT: usize = 7;

/// From `diff --git` to `index`; `full` ids are what binary patches are checked by.
pub(super) fn header(entry: &Entry, full: bool) -> String {
    let old = entry.old_path.as_ref().unwrap_or(&entry.path).as_bytes();
    let new = entry.path.as_bytes();
    let mut text = format!("diff --git {} {}\n", side_name("a/", old), side_name("b/", new));
    match (entry.status, entry.old_mode, entry.new_mode) {
        (Status::Added, _, Some(mode)) => text += &format!("new file mode {mode}\n"),
        (Status::Deleted, Some(mode), _) => text += &format!("deleted file mode {mode}\n"),
        (_, Some(old), Some(new)) if old != new => {
            text += &format!("old mode {old}\nnew mode {new}\n")
        }
        _ => {}
    }
    if entry.status == Status::Renamed {
        text += &format!(
            "similarity index 100%\nrename from {}\nrename to {}\n",
            quote::name(old),
            quote::name(new)
        );
    }
    if let Some(index) = index(entry, full) {
        text += &index;
    }
    text
}

fn index(entry: &Entry, full: bool) -> Option<String> {
    let id = |id: Option<BlobId>, present: bool| match (id, present) {
        (Some(id), _) => Some(id.to_string()),
        (None, false) => Some("0".repeat(40)),
        (None, true) => None,
    };
    let old = id(entry.old_id, entry.status != Status::Added)?;
    let new = id(entry.new_id, entry.status != Status::Deleted)?;
    if old == new {
        return None;
    }
    let digits = if full { 40 } else { SHORT };
    let mode = match (entry.old_mode, entry.new_mode) {
        (Some(old), Some(new)) if old == new => format!(" {new}"),
        _ => String::new(),
    };
    Some(format!("index {}..{}{mode}\n", &old[..digits], &new[..digits]))
}

/// The `---` and `+++` lines. A name with a space ends in a tab, so that nobody cuts it at the
/// space.
pub(super) fn sides(entry: &Entry) -> String {
    let (old, new) = names(entry);
    let tab = |name: &str| if name.contains(' ') { "\t" } else { "" };
    format!("--- {old}{}\n+++ {new}{}\n", tab(&old), tab(&new))
}

fn names(entry: &Entry) -> (String, String) {
    let name = |prefix, absent| {
        if entry.status == absent {
            "/dev/null".to_owned()
        } else {
            side_name(prefix, entry.path.as_bytes())
        }
    };
    (name("a/", Status::Added), name("b/", Status::Deleted))
}

fn side_name(prefix: &str, path: &[u8]) -> String {
    quote::name(&[prefix.as_bytes(), path].concat())
}
