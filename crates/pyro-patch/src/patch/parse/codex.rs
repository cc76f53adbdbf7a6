//! The form that Codex writes: `*** Begin Patch`, then files by name and chunks that are found by
//! their text.

use super::cursor::{Cursor, without_return};
use super::hunk::{heading, numbered};
use super::names;
use super::reader::Reader;
use super::steps::Steps;
use crate::git::text::printable;
use crate::patch::error::ParseError;
use crate::patch::model::{Body, Change, FilePatch, Hunk, Line, Mark, Place};
use pyro_protocol::TreePath;

const FILE: &str =
    "be '*** Add File: PATH', '*** Update File: PATH', '*** Delete File: PATH' or '*** End Patch'";
const ADDED: &str = "begin with '+', as every line of a new file";
const CHUNK: &str = "begin with '@@', ' ', '-' or '+'";

/// A line that steers.
enum Directive<'a> {
    Begin,
    End,
    Add(&'a [u8]),
    Update(&'a [u8]),
    Delete(&'a [u8]),
    MoveTo(&'a [u8]),
    EndOfFile,
}

impl<'a> Directive<'a> {
    fn read(line: &'a [u8]) -> Option<Self> {
        let rest = without_return(line).trim_ascii_end().strip_prefix(b"*** ")?;
        let name = |word: &str| rest.strip_prefix(word.as_bytes()).map(<[u8]>::trim_ascii_start);
        match rest {
            b"Begin Patch" => Some(Self::Begin),
            b"End Patch" => Some(Self::End),
            b"End of File" => Some(Self::EndOfFile),
            _ => name("Add File:")
                .map(Self::Add)
                .or_else(|| name("Update File:").map(Self::Update))
                .or_else(|| name("Delete File:").map(Self::Delete))
                .or_else(|| name("Move to:").map(Self::MoveTo)),
        }
    }

    fn begins(&self) -> bool {
        matches!(self, Self::Begin | Self::Add(_) | Self::Update(_) | Self::Delete(_))
    }
}

/// Whether the text is of this form: its first line that begins anything does.
pub(super) fn is_codex(mut cursor: Cursor<'_>) -> bool {
    while let Some(line) = cursor.peek() {
        if Directive::read(line).is_some_and(|directive| directive.begins()) {
            return true;
        }
        if line.starts_with(b"diff --git ") || cursor.at_labels() {
            return false;
        }
        cursor.take();
    }
    false
}

impl<'a> Reader<'a> {
    /// Read every patch of this form; what stands around them is skipped.
    pub(super) fn codex(&mut self, steps: &mut Steps<'a>) -> Result<(), ParseError> {
        while let Some(line) = self.cursor.peek() {
            match Directive::read(line).filter(Directive::begins) {
                Some(directive) => {
                    let start = self.cursor.line();
                    if matches!(directive, Directive::Begin) {
                        self.cursor.take();
                    }
                    self.envelope(start, steps)?;
                    steps.close();
                }
                None => _ = self.cursor.take(),
            }
        }
        Ok(())
    }

    /// Read to `*** End Patch`. Without it the patch was cut off.
    fn envelope(&mut self, start: usize, steps: &mut Steps<'a>) -> Result<(), ParseError> {
        while let Some(text) = self.cursor.peek() {
            let line = self.cursor.line();
            let file = match Directive::read(text) {
                Some(Directive::End) => {
                    self.cursor.take();
                    return Ok(());
                }
                Some(Directive::Add(name)) => self.added(name, line)?,
                Some(Directive::Update(name)) => self.updated(name, line)?,
                Some(Directive::Delete(name)) => {
                    self.cursor.take();
                    file(line, Change::Delete(path(name, line)?), Body::Dropped)
                }
                None if text.trim_ascii().is_empty() => {
                    self.cursor.take();
                    continue;
                }
                _ => return Err(unexpected(line, FILE, text)),
            };
            steps.push(file, &self.limits)?;
        }
        Err(ParseError::NoEnd { line: start })
    }

    fn added(&mut self, name: &[u8], line: usize) -> Result<FilePatch<'a>, ParseError> {
        let change = Change::Create(path(name, line)?);
        self.cursor.take();
        let at = self.cursor.line();
        let mut lines = Vec::new();
        while let Some(text) = self.cursor.peek().and_then(|text| text.strip_prefix(b"+")) {
            lines.push((Mark::Added, Line { text, newline: true }));
            self.cursor.take();
        }
        self.skip_blank();
        match self.cursor.peek() {
            Some(text) if !text.starts_with(b"*** ") => {
                return Err(unexpected(self.cursor.line(), ADDED, text));
            }
            _ if lines.is_empty() => return Ok(file(line, change, Body::Unchanged)),
            _ => {}
        }
        let hunk = self.made(at, "@@".to_owned(), Place::Line { start: 0, count: 0 }, lines)?;
        Ok(file(line, change, Body::Text(vec![hunk])))
    }

    fn updated(&mut self, name: &[u8], line: usize) -> Result<FilePatch<'a>, ParseError> {
        let from = path(name, line)?;
        self.cursor.take();
        let change = match self.cursor.peek().and_then(Directive::read) {
            Some(Directive::MoveTo(name)) => {
                let to = path(name, self.cursor.line())?;
                self.cursor.take();
                if from == to { modify(from) } else { Change::Rename { from, to } }
            }
            _ => modify(from),
        };
        let hunks = self.chunks()?;
        match (&change, hunks.is_empty()) {
            (Change::Modify { .. }, true) => {
                Err(ParseError::Header { line, why: "has no hunks and changes nothing" })
            }
            (_, true) => Ok(file(line, change, Body::Unchanged)),
            (_, false) => Ok(file(line, change, Body::Chunks(hunks))),
        }
    }

    fn chunks(&mut self) -> Result<Vec<Hunk<'a>>, ParseError> {
        let mut hunks: Vec<Hunk<'a>> = Vec::new();
        while let Some(text) = self.cursor.peek() {
            match (Directive::read(text), hunks.last_mut()) {
                (Some(Directive::EndOfFile), Some(last)) => {
                    if let Place::Text { at_end, .. } = &mut last.place {
                        *at_end = true;
                    }
                    self.cursor.take();
                    self.skip_blank();
                    continue;
                }
                _ if text.starts_with(b"*** ") => break,
                _ => {}
            }
            let here = self.cursor;
            self.skip_blank();
            if self.cursor.peek().is_none_or(|next| next.starts_with(b"*** ")) {
                continue;
            }
            if !self.cursor.peek().is_some_and(|next| next.starts_with(b"@@")) {
                self.cursor = here;
            }
            let line = self.cursor.line();
            let (place, header) = self.chunk_header();
            let lines = self.all_lines(false);
            // What cannot be a line of a chunk stands where one should.
            let next = self
                .cursor
                .peek()
                .filter(|next| !next.starts_with(b"@@") && !next.starts_with(b"*** "));
            if let Some(next) = next {
                return Err(unexpected(self.cursor.line(), CHUNK, next));
            }
            hunks.push(self.made(line, header, place, lines)?);
        }
        Ok(hunks)
    }

    /// Take the lines that say where a chunk belongs; the first one may have none.
    fn chunk_header(&mut self) -> (Place<'a>, String) {
        let mut anchors = Vec::new();
        let mut shown = String::new();
        while let Some(line) = self.cursor.peek().filter(|line| line.starts_with(b"@@")) {
            self.cursor.take();
            if let Some(numbered) = numbered(line) {
                return numbered;
            }
            shown = printable(without_return(line), 120);
            anchors.extend(heading(line));
        }
        let header = if shown.is_empty() { "@@".to_owned() } else { shown };
        (Place::Text { anchors, at_end: false }, header)
    }

    fn skip_blank(&mut self) {
        while self.cursor.peek().is_some_and(|line| line.trim_ascii().is_empty()) {
            self.cursor.take();
        }
    }
}

fn file<'a>(line: usize, change: Change, body: Body<'a>) -> FilePatch<'a> {
    FilePatch { line, change, old_mode: None, new_mode: None, body }
}

fn modify(path: TreePath) -> Change {
    Change::Modify { path, may_create: false }
}

fn path(name: &[u8], line: usize) -> Result<TreePath, ParseError> {
    names::path(&names::clean(name), line)
}

fn unexpected(line: usize, expected: &'static str, found: &[u8]) -> ParseError {
    ParseError::Codex { line, expected, found: printable(found, 120) }
}
