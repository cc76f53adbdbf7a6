//! Text to a [`Patch`]: whatever stands between the files (mail headers, messages, signatures) is skipped.

mod binary;
mod cursor;
mod file;
mod header;
mod hunk;
mod names;
mod plain;
#[cfg(test)]
mod tests;

use super::error::ParseError;
use super::limits::PatchLimits;
use super::model::{Change, FilePatch, Patch};
use crate::workspace::git::path::RelPath;
use cursor::Cursor;
use std::collections::BTreeMap;

/// Read a patch of git, or a plain unified one.
///
/// # Errors
/// Each variant of [`ParseError`].
pub fn parse<'a>(text: &'a [u8], limits: &PatchLimits) -> Result<Patch<'a>, ParseError> {
    if text.len() > limits.patch_bytes {
        return Err(ParseError::TooLarge { max: limits.patch_bytes });
    }
    let mut reader = Reader { cursor: Cursor::new(text, limits.line_bytes)?, limits: *limits, hunks: 0, binary: 0 };
    let mut files: Vec<FilePatch<'a>> = Vec::new();
    while let Some(found) = reader.file()? {
        if files.len() == limits.files {
            return Err(ParseError::TooMany { what: "files", max: limits.files });
        }
        files.push(found);
    }
    if files.is_empty() {
        return Err(ParseError::Nothing);
    }
    check_targets(&files)?;
    Ok(Patch { files })
}

/// What is being read, and what was counted.
struct Reader<'a> {
    cursor: Cursor<'a>,
    limits: PatchLimits,
    hunks: usize,
    binary: usize,
}

/// What a patch does to one path.
#[derive(Default)]
struct Uses {
    deleted: bool,
    modified: bool,
    made: bool,
    moved: bool,
}

/// Each path changes once; but git writes a change of kind as a deletion and a creation, and what moved away makes room.
fn check_targets(files: &[FilePatch<'_>]) -> Result<(), ParseError> {
    let mut uses: BTreeMap<_, Uses> = BTreeMap::new();
    for file in files {
        let twice = |path: &RelPath| Err(ParseError::Twice { path: path.to_string(), line: file.line });
        if let Change::Rename { from, .. } = &file.change {
            let of = uses.entry(from).or_default();
            if of.deleted || of.modified || of.moved {
                return twice(from);
            }
            of.moved = true;
        }
        let path = file.change.target();
        let of = uses.entry(path).or_default();
        let (free, use_) = match &file.change {
            Change::Delete(_) => (!(of.deleted || of.modified || of.moved), &mut of.deleted),
            Change::Modify { .. } => (!(of.deleted || of.modified || of.moved || of.made), &mut of.modified),
            _ => (!(of.modified || of.made), &mut of.made),
        };
        if !free {
            return twice(path);
        }
        *use_ = true;
    }
    Ok(())
}
