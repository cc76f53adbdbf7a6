//! Submodules in a patch: they are named and skipped, since git keeps only the id of a commit of
//! them.

use super::names;
use super::reader::Reader;
use crate::patch::error::ParseError;
use crate::patch::model::{Hunk, Place};

impl Reader<'_> {
    /// Remember a submodule that is skipped.
    pub(super) fn submodule(&mut self, name: &[u8], line: usize) -> Result<(), ParseError> {
        if self.submodules.len() >= self.limits.files {
            return Err(ParseError::TooMany { what: "files", max: self.limits.files });
        }
        self.submodules.insert(names::path(name, line)?);
        Ok(())
    }
}

/// Whether hunks only say which commit a submodule is at.
pub(super) fn is_bump(hunks: &[Hunk<'_>]) -> bool {
    let is_id = |id: &[u8]| matches!(id.len(), 40 | 64) && id.iter().all(u8::is_ascii_hexdigit);
    let [Hunk { place: Place::Line { start: 0 | 1, .. }, lines, .. }] = hunks else { return false };
    let id = |text: &[u8]| text.strip_prefix(b"Subproject commit ").is_some_and(is_id);
    lines.len() <= 2 && lines.iter().all(|(_, line)| id(line.text))
}

/// The name in a line of `git diff --submodule`: `Submodule vendor 1234567..89abcde:`.
pub(super) fn logged(line: &[u8]) -> Option<&[u8]> {
    let rest = line.strip_prefix(b"Submodule ")?;
    let hex = |id: &[u8]| id.len() >= 7 && id.iter().all(u8::is_ascii_hexdigit);
    let is_range = |word: &[u8]| {
        let dots = word.windows(2).position(|two| two == b"..")?;
        let new = word[dots..].strip_prefix(b"...").or_else(|| word[dots..].strip_prefix(b".."))?;
        (hex(&word[..dots]) && hex(new.strip_suffix(b":").unwrap_or(new))).then_some(())
    };
    let mut at = 0;
    for word in rest.split(|byte| *byte == b' ') {
        if at > 1 && is_range(word).is_some() {
            return Some(&rest[..at - 1]);
        }
        at += word.len() + 1;
    }
    None
}
