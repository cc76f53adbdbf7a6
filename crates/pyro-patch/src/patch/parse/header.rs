//! The lines between `diff --git` and the content.

use super::cursor::{Cursor, without_return};
use super::names::{self, Raw};
use crate::git::GitMode;
use crate::git::text::printable;
use crate::patch::error::ParseError;

/// What those lines say.
#[derive(Default)]
pub(super) struct Header<'a> {
    /// The two names of the first line, where it can be told.
    pub(super) names: Option<(Raw<'a>, Raw<'a>)>,
    pub(super) old_mode: Option<GitMode>,
    pub(super) new_mode: Option<GitMode>,
    pub(super) created: bool,
    pub(super) deleted: bool,
    /// Whether a mode is that of a submodule.
    pub(super) submodule: bool,
    pub(super) rename_from: Option<Raw<'a>>,
    pub(super) rename_to: Option<Raw<'a>>,
    pub(super) copy_from: Option<Raw<'a>>,
    pub(super) copy_to: Option<Raw<'a>>,
    /// The two ids of the `index` line.
    pub(super) ids: Option<(&'a [u8], &'a [u8])>,
    /// How many of those lines there were.
    pub(super) lines: usize,
}

impl<'a> Header<'a> {
    /// Read from `diff --git` to the first line that is none of these.
    pub(super) fn read(cursor: &mut Cursor<'a>) -> Result<Self, ParseError> {
        let first =
            cursor.take().and_then(|line| line.strip_prefix(b"diff --git ")).unwrap_or_default();
        let mut header = Self { names: names::pair(first), ..Self::default() };
        while let Some(line) = cursor.peek() {
            if !header.line(line, cursor.line())? {
                break;
            }
            header.lines += 1;
            cursor.take();
        }
        Ok(header)
    }

    /// Read one line, if it is one of these.
    fn line(&mut self, line: &'a [u8], number: usize) -> Result<bool, ParseError> {
        let after = |words: &str| line.strip_prefix(words.as_bytes());
        if let Some(digits) = after("old mode ") {
            self.old_mode = self.mode(digits, number)?;
        } else if let Some(digits) = after("new mode ") {
            self.new_mode = self.mode(digits, number)?;
        } else if let Some(digits) = after("new file mode ") {
            (self.created, self.new_mode) = (true, self.mode(digits, number)?);
        } else if let Some(digits) = after("deleted file mode ") {
            (self.deleted, self.old_mode) = (true, self.mode(digits, number)?);
        } else if let Some(name) = after("rename from ").or_else(|| after("rename old ")) {
            self.rename_from = Some(names::bare(name));
        } else if let Some(name) = after("rename to ").or_else(|| after("rename new ")) {
            self.rename_to = Some(names::bare(name));
        } else if let Some(name) = after("copy from ") {
            self.copy_from = Some(names::bare(name));
        } else if let Some(name) = after("copy to ") {
            self.copy_to = Some(names::bare(name));
        } else if let Some(rest) = after("index ") {
            self.index(without_return(rest), number)?;
        } else {
            return Ok(after("similarity index ")
                .or_else(|| after("dissimilarity index "))
                .is_some());
        }
        Ok(true)
    }

    /// The mode that digits stand for; none for a submodule's.
    fn mode(&mut self, digits: &[u8], line: usize) -> Result<Option<GitMode>, ParseError> {
        let digits = without_return(digits);
        if digits == b"160000" {
            self.submodule = true;
            return Ok(None);
        }
        let bad = || ParseError::Mode { line, mode: printable(digits, 20) };
        GitMode::parse(digits).map(Some).ok_or_else(bad)
    }

    fn index(&mut self, rest: &'a [u8], number: usize) -> Result<(), ParseError> {
        let (ids, digits) = match rest.iter().position(|byte| *byte == b' ') {
            Some(space) => (&rest[..space], Some(&rest[space + 1..])),
            None => (rest, None),
        };
        if let Some(digits) = digits {
            self.old_mode = self.old_mode.or(self.mode(digits, number)?);
        }
        let dots = ids.windows(2).position(|two| two == b"..");
        self.ids = dots.map(|at| (&ids[..at], &ids[at + 2..]));
        Ok(())
    }
}
