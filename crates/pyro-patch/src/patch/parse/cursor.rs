//! `Cursor`: the lines of a patch, one after the other.

use crate::patch::error::ParseError;

/// Where the reading is. Only a line feed ends a line: a form feed or a carriage return belongs to
/// it.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a> {
    rest: &'a [u8],
    line: usize,
}

impl<'a> Cursor<'a> {
    /// At the first line, once every line is known to be short enough.
    pub(super) fn new(text: &'a [u8], max: usize) -> Result<Self, ParseError> {
        let long = text.split(|byte| *byte == b'\n').position(|line| line.len() > max);
        match long {
            Some(before) => Err(ParseError::LineTooLong { line: before + 1, max }),
            None => Ok(Self { rest: text, line: 1 }),
        }
    }

    /// The number of the line that comes next, from one.
    pub(super) fn line(&self) -> usize {
        self.line
    }

    /// The next line, without its line feed.
    pub(super) fn peek(&self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        self.rest.split(|byte| *byte == b'\n').next()
    }

    /// Take the next line.
    pub(super) fn take(&mut self) -> Option<&'a [u8]> {
        let line = self.peek()?;
        self.rest = self.rest.get(line.len() + 1..).unwrap_or_default();
        self.line += 1;
        Some(line)
    }

    /// Whether the next lines begin a file in the plain form: `---`, `+++`, `@@`.
    pub(super) fn at_plain_file(mut self) -> bool {
        self.take().is_some_and(|line| line.starts_with(b"--- "))
            && self.take().is_some_and(|line| line.starts_with(b"+++ "))
            && self.take().is_some_and(|line| line.starts_with(b"@@"))
    }

    /// Whether the next lines are `---` and `+++`.
    pub(super) fn at_labels(mut self) -> bool {
        self.take().is_some_and(|line| line.starts_with(b"--- "))
            && self.take().is_some_and(|line| line.starts_with(b"+++ "))
    }
}

/// A header's line without the carriage return that some transports add; names with one of their
/// own are quoted.
pub(super) fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}
