//! Hunks: a header, and as many lines as it says.

use super::Reader;
use crate::workspace::git::text::printable;
use crate::workspace::patch::error::ParseError;
use crate::workspace::patch::model::{Hunk, Line, Mark};

/// Longest part of a line that an error quotes, in bytes.
const QUOTED: usize = 120;

impl<'a> Reader<'a> {
    /// The hunks of a file: one at least.
    pub(super) fn hunks(&mut self) -> Result<Vec<Hunk<'a>>, ParseError> {
        let mut hunks = Vec::new();
        loop {
            let at = self.cursor.line();
            let next = self.cursor.peek();
            match next {
                Some(line) if line.starts_with(b"@@ -") => hunks.push(self.hunk(line, at)?),
                _ if hunks.is_empty() => {
                    let found = next.map_or_else(|| "the end".to_owned(), |line| printable(line, QUOTED));
                    return Err(ParseError::HunkHeader { line: at, found });
                }
                _ => return Ok(hunks),
            }
            self.hunks += 1;
            if self.hunks > self.limits.hunks {
                return Err(ParseError::TooMany { what: "hunks", max: self.limits.hunks });
            }
        }
    }

    fn hunk(&mut self, line: &'a [u8], at: usize) -> Result<Hunk<'a>, ParseError> {
        let bad = || ParseError::HunkHeader { line: at, found: printable(line, QUOTED) };
        let header = Ranges::read(line).ok_or_else(bad)?;
        self.cursor.take();
        let mut hunk = Hunk {
            line: at,
            header: printable(header.text, QUOTED),
            old_start: header.old.0,
            new_start: header.new.0,
            lines: Vec::new(),
        };
        let mut found = (0, 0);
        while found != (header.old.1, header.new.1) {
            let Some((mark, text)) = self.cursor.peek().and_then(marked) else {
                if self.no_newline(&mut hunk) {
                    continue;
                }
                return Err(self.counts(at, &header, found));
            };
            found.0 += usize::from(mark != Mark::Added);
            found.1 += usize::from(mark != Mark::Removed);
            if found.0 > header.old.1 || found.1 > header.new.1 {
                return Err(self.counts(at, &header, found));
            }
            hunk.lines.push((mark, Line { text, newline: true }));
            self.cursor.take();
        }
        self.no_newline(&mut hunk);
        if self.more_lines() {
            return Err(self.counts(at, &header, self.all_lines(found)));
        }
        last_is_last(&hunk)?;
        Ok(hunk)
    }

    /// Take `\ No newline at end of file`, in whatever language, for the line before it.
    fn no_newline(&mut self, hunk: &mut Hunk<'a>) -> bool {
        let marker = self.cursor.peek().is_some_and(|line| line.starts_with(b"\\ "));
        match hunk.lines.last_mut() {
            Some((_, line)) if marker => {
                line.newline = false;
                self.cursor.take();
                true
            }
            _ => false,
        }
    }

    /// Whether lines follow that look like more of the hunk than its header says. git would drop them silently.
    fn more_lines(&self) -> bool {
        match self.cursor.peek() {
            // The signature of a mail.
            Some(b"-- " | b"--" | b"-- \r") | None => false,
            Some(line) if line.starts_with(b"--- ") => !self.cursor.at_labels(),
            Some([b' ' | b'+' | b'-', ..]) => true,
            Some(_) => false,
        }
    }

    /// The lines of a hunk that has more than it says.
    fn all_lines(&self, mut found: (usize, usize)) -> (usize, usize) {
        let mut cursor = self.cursor;
        while let Some((mark, _)) = cursor.peek().filter(|line| !line.is_empty()).and_then(marked) {
            if cursor.at_labels() {
                break;
            }
            found.0 += usize::from(mark != Mark::Added);
            found.1 += usize::from(mark != Mark::Removed);
            cursor.take();
        }
        found
    }

    fn counts(&self, at: usize, header: &Ranges<'_>, (old_found, new_found): (usize, usize)) -> ParseError {
        let next = self.cursor.peek().map_or_else(|| "the end".to_owned(), |line| printable(line, QUOTED));
        let (old, new) = (header.old.1, header.new.1);
        ParseError::HunkCounts { line: at, old, new, old_found, new_found, next }
    }
}

/// Whether a line is a hunk's header.
pub(super) fn is_header(line: &[u8]) -> bool {
    Ranges::read(line).is_some()
}

/// Start and count of both sides.
struct Ranges<'a> {
    old: (usize, usize),
    new: (usize, usize),
    text: &'a [u8],
}

impl<'a> Ranges<'a> {
    fn read(line: &'a [u8]) -> Option<Self> {
        let rest = line.strip_prefix(b"@@ -")?;
        let end = rest.windows(3).position(|three| three == b" @@")?;
        let numbers = std::str::from_utf8(&rest[..end]).ok()?;
        let (old, new) = numbers.split_once(" +")?;
        Some(Self { old: range(old)?, new: range(new)?, text: &line[..4 + end + 3] })
    }
}

fn range(text: &str) -> Option<(usize, usize)> {
    let number = |digits: &str| {
        let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse::<u32>().ok().filter(|_| plain).map(|number| number as usize)
    };
    match text.split_once(',') {
        Some((start, count)) => Some((number(start)?, number(count)?)),
        None => Some((number(text)?, 1)),
    }
}

/// A line by its first byte. An empty one is an empty line of context, as GNU diff and many editors leave it.
fn marked(line: &[u8]) -> Option<(Mark, &[u8])> {
    match line {
        [] => Some((Mark::Context, line)),
        [b' ', text @ ..] => Some((Mark::Context, text)),
        [b'-', text @ ..] => Some((Mark::Removed, text)),
        [b'+', text @ ..] => Some((Mark::Added, text)),
        _ => None,
    }
}

/// A line without a newline must be the last one of its side.
fn last_is_last(hunk: &Hunk<'_>) -> Result<(), ParseError> {
    let (mut old_ended, mut new_ended) = (false, false);
    for (at, (mark, line)) in hunk.lines.iter().enumerate() {
        let (old, new) = (*mark != Mark::Added, *mark != Mark::Removed);
        if old && old_ended || new && new_ended {
            return Err(ParseError::AfterLast { line: hunk.line + at + 1 });
        }
        old_ended |= old && !line.newline;
        new_ended |= new && !line.newline;
    }
    Ok(())
}
