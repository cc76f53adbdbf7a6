//! Text to a [`Patch`]: whatever stands between the files (mail headers, messages, signatures) is
//! skipped.

mod binary;
mod codex;
mod cursor;
mod file;
mod header;
mod hunk;
mod names;
mod plain;
mod reader;
mod steps;
mod submodule;
#[cfg(test)]
mod tests;

use super::error::ParseError;
use super::limits::PatchLimits;
use super::model::Patch;
use cursor::Cursor;
use reader::Reader;
use std::collections::BTreeSet;
use steps::Steps;

/// Read a patch of git, a plain unified one, a series of them, or one in the form of Codex (`***
/// Begin Patch`).
///
/// # Errors
/// Each variant of [`ParseError`].
pub fn parse<'a>(text: &'a [u8], limits: &PatchLimits) -> Result<Patch<'a>, ParseError> {
    if text.len() > limits.patch_bytes {
        return Err(ParseError::TooLarge { max: limits.patch_bytes });
    }
    let cursor = Cursor::new(text, limits.line_bytes)?;
    let mut reader = Reader {
        cursor,
        limits: *limits,
        hunks: 0,
        binary: 0,
        commit_begins: false,
        submodules: BTreeSet::new(),
    };
    let mut steps = Steps::default();
    if codex::is_codex(cursor) {
        reader.codex(&mut steps)?;
    } else {
        while let Some(file) = reader.file()? {
            if std::mem::take(&mut reader.commit_begins) {
                steps.close();
            }
            steps.push(file, limits)?;
        }
    }
    let steps = steps.finish();
    let mut submodules: Vec<_> = reader.submodules.into_iter().collect();
    submodules.sort_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
    if steps.is_empty() && submodules.is_empty() {
        return Err(ParseError::Nothing);
    }
    Ok(Patch { steps, submodules })
}
