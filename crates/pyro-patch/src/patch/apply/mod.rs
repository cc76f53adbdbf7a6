//! One change on one value.

mod delta;
mod diagnose;
mod image;
mod locate;
#[cfg(test)]
mod tests;
mod text;

use super::budget::Budget;
use super::limits::FILE_BYTES;
use super::model::{Binary, BinaryData, Body, Change, FilePatch};
use super::reject::{Reason, Reject};
use crate::git::GitMode;
use crate::git::blob::{self, BlobId};
use crate::side::{ArtifactType, Content, Side};
use text::Form;

/// Longest target of a link, in bytes.
const LINK_BYTES: usize = 4095;

/// What a change makes of its source; none when it deletes it.
///
/// A hunk goes where its header says when its old lines are there, with or without context; else to
/// the only place that has them. Lines must be equal byte by byte. `git apply` differs in two ways:
/// it takes the nearest of several places, and puts a hunk that lacks context at one end to that
/// edge of the file.
///
/// # Errors
/// A [`Reject`] that says what is in the way.
pub(crate) fn apply(
    file: &FilePatch<'_>,
    source: Option<&Side>,
    budget: &mut Budget,
) -> Result<Option<Side>, Reject> {
    changed(file, source, budget).map_err(|reason| {
        let at_source = matches!(reason, Reason::Missing | Reason::Kind { .. });
        let path = if at_source { file.change.source() } else { file.change.target() };
        Reject { path: path.clone(), reason }
    })
}

fn changed(
    file: &FilePatch<'_>,
    source: Option<&Side>,
    budget: &mut Budget,
) -> Result<Option<Side>, Reason> {
    let (old, present) = read(file, source)?;
    let bytes = match &file.body {
        Body::Unchanged => old.to_vec(),
        Body::Text(hunks) => {
            let may_create = matches!(file.change, Change::Modify { may_create: true, .. });
            text::apply(old, hunks, if may_create { Form::MayCreate } else { Form::Exact }, budget)?
        }
        Body::Chunks(hunks) => text::apply(old, hunks, Form::Chunks, budget)?,
        Body::Dropped => Vec::new(),
        Body::Binary(binary) => rebuilt(old, binary)?,
    };
    if bytes.len() > FILE_BYTES {
        return Err(Reason::TooLarge);
    }
    if matches!(file.change, Change::Delete(_)) {
        return if bytes.is_empty() { Ok(None) } else { Err(Reason::NotEmpty) };
    }
    let is_link = match present {
        Some(side) => side.artifact() == ArtifactType::Symlink,
        None => file.new_mode == Some(GitMode::Symlink),
    };
    if is_link {
        let fits = (1..=LINK_BYTES).contains(&bytes.len()) && !bytes.contains(&0);
        return if fits { Ok(Some(Side::symlink(bytes))) } else { Err(Reason::Link) };
    }
    let mode = match (present, file.new_mode) {
        (Some(Side::File { mode, .. }), Some(new)) => new.changed_permissions(*mode),
        (Some(Side::File { mode, .. }), None) => *mode,
        (_, new) => new.unwrap_or(GitMode::File).new_permissions(),
    };
    Ok(Some(Side::file(mode, bytes)))
}

/// The bytes that a change starts from, and the thing that has them.
fn read<'s>(
    file: &FilePatch<'_>,
    source: Option<&'s Side>,
) -> Result<(&'s [u8], Option<&'s Side>), Reason> {
    match (&file.change, source) {
        (Change::Create(_) | Change::Modify { may_create: true, .. }, None) => Ok((&[], None)),
        (Change::Create(_), Some(side)) => Err(Reason::Exists { found: side.artifact() }),
        (_, None) => Err(Reason::Missing),
        (_, Some(side)) => {
            let found = side.artifact();
            let expected = match file.old_mode.or(file.new_mode) {
                Some(GitMode::Symlink) => ArtifactType::Symlink,
                Some(_) => ArtifactType::File,
                None if found == ArtifactType::Symlink => found,
                None => ArtifactType::File,
            };
            if found != expected {
                return Err(Reason::Kind { expected, found });
            }
            side.blob()
                .filter(|bytes| bytes.len() <= FILE_BYTES)
                .map(|bytes| (bytes, source))
                .ok_or(Reason::TooLarge)
        }
    }
}

fn rebuilt(old: &[u8], binary: &Binary) -> Result<Vec<u8>, Reason> {
    let nothing = |id: &str| id.bytes().all(|digit| digit == b'0');
    let is = |id: &str, bytes: &[u8]| {
        if nothing(id) { bytes.is_empty() } else { blob::is_named(id, bytes) }
    };
    if !is(&binary.old_id, old) {
        let (expected, found) = (binary.old_id.clone(), BlobId::of(old).to_string());
        return Err(Reason::OtherBlob { expected, found });
    }
    let damaged = || Reason::Damaged { expected: binary.new_id.clone() };
    let bytes = match &binary.data {
        BinaryData::Literal(bytes) => bytes.clone(),
        BinaryData::Delta(delta) => delta::apply(old, delta).ok_or_else(damaged)?,
    };
    if is(&binary.new_id, &bytes) { Ok(bytes) } else { Err(damaged()) }
}

/// Whether two things are the same in everything that a patch can change.
#[must_use]
pub(crate) fn same(a: &Side, b: &Side) -> bool {
    let held = |side: &Side| !matches!(side, Side::File { content: Content::Large { .. }, .. });
    held(a) && held(b) && a == b
}
