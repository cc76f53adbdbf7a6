//! The two sides of one path compared.

use super::changes::Effort;
use super::entry::{Entry, Form, Status};
use super::{header, hunks, literal, options::DiffOptions};
use crate::git::dir::is_within_git;
use crate::side::Side;
use pyro_protocol::TreePath;

/// What changed at a path; none when nothing did that git would see.
///
/// Permission bits other than the owner's execute bit, owners and times are not seen, as git sees
/// none of them. Two sides that are too large to be held differ unless their blob ids are known and
/// equal.
#[must_use]
pub(crate) fn diff_path(
    path: &TreePath,
    old: Option<&Side>,
    new: Option<&Side>,
    options: &DiffOptions,
    effort: &mut Effort,
) -> Option<Entry> {
    let artifact = new.or(old)?.artifact();
    let status = status(old, new)?;
    let mut entry = Entry {
        path: path.clone(),
        old_path: None,
        status,
        artifact,
        form: Form::None,
        patch: String::new(),
        added_lines: 0,
        deleted_lines: 0,
        old_mode: old.and_then(Side::git_mode),
        new_mode: new.and_then(Side::git_mode),
        old_id: None,
        new_id: None,
    };
    // git applies nothing within a repository's own directory, and keeps no directories.
    if is_within_git(entry.path.as_bytes()) || entry.old_mode.or(entry.new_mode).is_none() {
        return Some(entry);
    }
    entry.old_id = old.and_then(Side::blob_id);
    entry.new_id = new.and_then(Side::blob_id);
    let kinds_differ =
        entry.old_mode.zip(entry.new_mode).is_some_and(|(old, new)| !old.same_kind(new));
    if kinds_differ {
        let deleted = rendered(entry.half(Status::Deleted), old, None, options, effort);
        let added = rendered(entry.half(Status::Added), None, new, options, effort);
        entry.form = worse(deleted.form, added.form);
        if entry.form != Form::Named {
            entry.deleted_lines = deleted.deleted_lines;
            entry.added_lines = added.added_lines;
            entry.patch = deleted.patch + &added.patch;
        }
        return Some(entry);
    }
    let half = match (entry.old_mode, entry.new_mode) {
        (None, _) => Status::Added,
        (_, None) => Status::Deleted,
        _ => status,
    };
    Some(Entry { status, ..rendered(Entry { status: half, ..entry }, old, new, options, effort) })
}

fn status(old: Option<&Side>, new: Option<&Side>) -> Option<Status> {
    match (old, new) {
        (None, None) => None,
        (None, Some(_)) => Some(Status::Added),
        (Some(_), None) => Some(Status::Deleted),
        (Some(old), Some(new)) if old.artifact() != new.artifact() => Some(Status::TypeChanged),
        (Some(old), Some(new)) => {
            let same = old.git_mode() == new.git_mode() && same_content(old, new);
            (!same).then_some(Status::Modified)
        }
    }
}

fn same_content(old: &Side, new: &Side) -> bool {
    match (old.blob(), new.blob()) {
        (Some(old), Some(new)) => old == new,
        _ if old.git_mode().is_none() => true,
        _ => old.blob_id().is_some_and(|id| new.blob_id() == Some(id)),
    }
}

fn worse(a: Form, b: Form) -> Form {
    let rank = |form| match form {
        Form::Named => 2,
        Form::Binary => 1,
        Form::Text | Form::None => 0,
    };
    if rank(a) >= rank(b) { a } else { b }
}

/// Fill in the patch of a change that stays one kind of thing.
fn rendered(
    mut entry: Entry,
    old: Option<&Side>,
    new: Option<&Side>,
    options: &DiffOptions,
    effort: &mut Effort,
) -> Entry {
    let same = entry.old_id.is_some() && entry.old_id == entry.new_id;
    if same {
        // Only the mode changed: there is nothing to say of the content.
        entry.form = Form::Text;
        entry.patch = header::header(&entry, false);
        return entry;
    }
    match (blob(old), blob(new)) {
        (Some(old), Some(new)) if hunks::is_text(old, options) && hunks::is_text(new, options) => {
            let hunks = hunks::between(old, new, options.context, effort);
            entry.form = Form::Text;
            entry.added_lines = hunks.added;
            entry.deleted_lines = hunks.deleted;
            entry.patch = header::header(&entry, false);
            if !hunks.text.is_empty() {
                entry.patch += &header::sides(&entry);
                entry.patch += &hunks.text;
            }
        }
        (Some(old), Some(new)) if old.len().max(new.len()) <= options.literal_bytes => {
            entry.form = Form::Binary;
            entry.patch = header::header(&entry, true) + &literal::between(old, new);
        }
        _ => entry.form = Form::Named,
    }
    entry
}

/// The bytes of a side; empty where git keeps nothing, none where they are not held.
fn blob(side: Option<&Side>) -> Option<&[u8]> {
    match side {
        Some(side) if side.git_mode().is_some() => side.blob(),
        _ => Some(&[]),
    }
}
