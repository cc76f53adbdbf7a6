//! Hunks: a header, and the lines that follow it.

use super::reader::Reader;
use crate::git::text::printable;
use crate::patch::error::ParseError;
use crate::patch::model::{Hunk, Line, Mark, Place};

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
                Some(line) if line.starts_with(b"@@") => hunks.push(self.hunk(line, at)?),
                _ if hunks.is_empty() => {
                    let found =
                        next.map_or_else(|| "the end".to_owned(), |line| printable(line, QUOTED));
                    return Err(ParseError::HunkHeader { line: at, found });
                }
                _ => return Ok(hunks),
            }
        }
    }

    fn hunk(&mut self, line: &'a [u8], at: usize) -> Result<Hunk<'a>, ParseError> {
        self.cursor.take();
        let Some(ranges) = Ranges::read(line) else {
            let place = Place::Text { anchors: heading(line).into_iter().collect(), at_end: false };
            let lines = self.all_lines(true);
            return self.made(at, printable(line, QUOTED), place, lines);
        };
        let start = self.cursor;
        let lines = match self.counted_lines(&ranges) {
            Some(lines) if !self.more_lines() => lines,
            // The numbers are wrong: models miscount. What stands there counts.
            _ => {
                self.cursor = start;
                self.all_lines(true)
            }
        };
        let place = Place::Line { start: ranges.old.0, count: ranges.old.1 };
        self.made(at, printable(ranges.text, QUOTED), place, lines)
    }

    /// A hunk, once it is known to be whole, and not one too many.
    pub(super) fn made(
        &mut self,
        line: usize,
        header: String,
        place: Place<'a>,
        lines: Vec<(Mark, Line<'a>)>,
    ) -> Result<Hunk<'a>, ParseError> {
        self.hunks += 1;
        if self.hunks > self.limits.hunks {
            return Err(ParseError::TooMany { what: "hunks", max: self.limits.hunks });
        }
        if lines.is_empty() {
            return Err(ParseError::EmptyHunk { line });
        }
        let hunk = Hunk { line, header, place, lines };
        last_is_last(&hunk)?;
        Ok(hunk)
    }

    /// As many lines as the header says; none when there are not as many.
    fn counted_lines(&mut self, ranges: &Ranges<'_>) -> Option<Vec<(Mark, Line<'a>)>> {
        let mut lines = Vec::new();
        let mut found = (0, 0);
        while found != (ranges.old.1, ranges.new.1) {
            let Some((mark, text)) = self.cursor.peek().and_then(marked) else {
                if self.no_newline(&mut lines) {
                    continue;
                }
                return None;
            };
            found.0 += usize::from(mark != Mark::Added);
            found.1 += usize::from(mark != Mark::Removed);
            if found.0 > ranges.old.1 || found.1 > ranges.new.1 {
                return None;
            }
            lines.push((mark, Line { text, newline: true }));
            self.cursor.take();
        }
        self.no_newline(&mut lines);
        Some(lines)
    }

    /// All lines up to what cannot belong to a hunk. `in_mail` says that a mail's signature may
    /// follow.
    pub(super) fn all_lines(&mut self, in_mail: bool) -> Vec<(Mark, Line<'a>)> {
        let mut lines = Vec::new();
        // Empty lines at the end belong to what follows, not to the hunk.
        let mut whole = 0;
        while let Some(line) = self.cursor.peek() {
            if self.no_newline(&mut lines) {
                continue;
            }
            let Some((mark, text)) = marked(line) else { break };
            if self.cursor.at_plain_file() || in_mail && self.at_signature() {
                break;
            }
            lines.push((mark, Line { text, newline: true }));
            self.cursor.take();
            if !line.is_empty() {
                whole = lines.len();
            }
        }
        lines.truncate(whole);
        lines
    }

    /// Take `\ No newline at end of file`, in whatever language, for the line before it.
    fn no_newline(&mut self, lines: &mut [(Mark, Line<'a>)]) -> bool {
        let marker = self.cursor.peek().is_some_and(|line| line.starts_with(b"\\ "));
        match lines.last_mut() {
            Some((_, line)) if marker => {
                line.newline = false;
                self.cursor.take();
                true
            }
            _ => false,
        }
    }

    /// Whether lines follow that look like more of the hunk than its header says. git would drop
    /// them silently.
    fn more_lines(&self) -> bool {
        match self.cursor.peek() {
            Some(line) if is_signature(line) => false,
            Some(line) if line.starts_with(b"--- ") => !self.cursor.at_labels(),
            Some([b' ' | b'+' | b'-', ..]) => true,
            _ => false,
        }
    }

    /// Whether the signature of a mail follows: `-- `, and git's version.
    fn at_signature(&self) -> bool {
        let mut cursor = self.cursor;
        cursor.take().is_some_and(is_signature)
            && cursor.peek().is_none_or(|line| line.first().is_none_or(u8::is_ascii_digit))
    }
}

fn is_signature(line: &[u8]) -> bool {
    matches!(line, b"-- " | b"--" | b"-- \r")
}

/// Whether a line is a hunk's header with numbers.
pub(super) fn is_header(line: &[u8]) -> bool {
    Ranges::read(line).is_some()
}

/// The place that a header names by its numbers, and the header up to them.
pub(super) fn numbered(line: &[u8]) -> Option<(Place<'_>, String)> {
    let ranges = Ranges::read(line)?;
    Some((Place::Line { start: ranges.old.0, count: ranges.old.1 }, printable(ranges.text, QUOTED)))
}

/// The line that a header without numbers names: `@@ def f():`, `@@ ... @@ def f():`.
pub(super) fn heading(line: &[u8]) -> Option<&[u8]> {
    let rest = super::cursor::without_return(line).strip_prefix(b"@@")?;
    let rest = rest.trim_ascii_end().strip_suffix(b"@@").unwrap_or(rest);
    let last =
        rest.windows(3).rposition(|three| three == b"@@ ").map_or(rest, |at| &rest[at + 2..]);
    let text = last.strip_prefix(b" ").unwrap_or(last).trim_ascii_end();
    let bare = text.trim_ascii_start();
    (!bare.is_empty() && bare != b"..." && !bare.starts_with(b"-")).then_some(text)
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

/// A line by its first byte. An empty one is an empty line of context, as GNU diff and many editors
/// leave it.
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
