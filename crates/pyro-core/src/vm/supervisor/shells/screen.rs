//! `Screen`: what a terminal shows, and the text that came of output, by an emulator.
//!
//! The emulator is `avt`. Against `vt100`: it keeps both screens and an unfinished sequence in its
//! dump, so that a terminal can be made to show the same at any moment; it hands over each line
//! that leaves the screen for good, which is what output as text is made of; it joins wrapped lines
//! again when the width changes; and all that a sequence can make it hold is bounded. What it does
//! not keep are accents that are characters of their own.

use super::text::whole_characters;
use avt::observer::{Observation, Observer};
use avt::parser::Function;
use avt::{Line, Operation, ScreenKind, Terminal};
use pyro_protocol::message::TerminalSize;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// An emulated terminal without lines beyond its screen: its memory depends on its size alone.
pub(super) struct Screen {
    terminal: Terminal,
    /// The beginning of a character whose rest has not come.
    unfinished: Vec<u8>,
}

/// Where the cursor is, from 0, and what is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) row: usize,
    pub(super) col: usize,
    pub(super) visible: bool,
    /// Whether it is the alternate screen, which programs use that fill all of it.
    pub(super) alternate: bool,
}

impl Screen {
    pub(super) fn new(size: TerminalSize) -> Self {
        Self { terminal: blank(size), unfinished: Vec::new() }
    }

    /// As [`Screen::new`], on the alternate screen where that is wanted.
    pub(super) fn beginning(size: TerminalSize, alternate: bool) -> Self {
        let mut screen = Self::new(size);
        if alternate {
            screen.terminal.feed("\x1b[?1049h");
        }
        screen
    }

    /// Show more output.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.feed_with(bytes, &mut Lines::none());
    }

    /// As [`Screen::feed`]; `lines` gets the lines that leave the screen.
    pub(super) fn feed_with(&mut self, bytes: &[u8], lines: &mut Lines) {
        self.unfinished.extend_from_slice(bytes);
        let whole = whole_characters(&self.unfinished);
        let bytes: Vec<u8> = self.unfinished.drain(..whole).collect();
        let text = String::from_utf8_lossy(&bytes);
        // A guest can send anything, and a fault of the emulator must not be more than a fault of
        // the picture.
        let fed = catch_unwind(AssertUnwindSafe(|| self.terminal.feed_with(&*text, &mut *lines)));
        if fed.is_err() {
            let size = self.size();
            tracing::warn!("the terminal's emulator failed; its screen begins anew");
            self.terminal = blank(size);
        }
    }

    pub(super) fn resize(&mut self, size: TerminalSize) {
        let (cols, rows) = (usize::from(size.cols), usize::from(size.rows));
        let resized = catch_unwind(AssertUnwindSafe(|| self.terminal.resize(cols, rows)));
        if resized.is_err() {
            self.terminal = blank(size);
        }
    }

    fn size(&self) -> TerminalSize {
        let (cols, rows) = self.terminal.size();
        let small = |size: usize| u16::try_from(size).unwrap_or(u16::MAX);
        TerminalSize { cols: small(cols), rows: small(rows) }
    }

    pub(super) fn is_alternate(&self) -> bool {
        self.terminal.active_screen_kind() == ScreenKind::Alternate
    }

    pub(super) fn shown(&self) -> Shown {
        let cursor = self.terminal.cursor();
        let (row, col) = (cursor.row, cursor.col);
        Shown { row, col, visible: cursor.visible, alternate: self.is_alternate() }
    }

    /// The screen as it stands, line by line, without blanks at the ends of lines and empty lines
    /// at its own end.
    pub(super) fn text(&self) -> String {
        let lines = self.terminal.screen().visible_lines();
        let lines: Vec<String> = lines.map(|line| trimmed(line.text())).collect();
        let len = lines.iter().rposition(|line| !line.is_empty()).map_or(0, |at| at + 1);
        lines[..len].join("\n")
    }

    /// The main screen as lines that can be shown anywhere, with the cursor where it is in them;
    /// none while a program has the alternate one.
    pub(super) fn lines(&self) -> Option<String> {
        if self.is_alternate() {
            return None;
        }
        let cursor = self.terminal.cursor();
        let shown = |(row, line): (usize, &Line)| match row == cursor.row {
            // The blank after a prompt.
            true => up_to(&line.text(), cursor.col),
            false => trimmed(line.text()),
        };
        let lines = self.terminal.screen().visible_lines().enumerate().map(shown);
        let lines: Vec<String> = lines.collect();
        let filled = lines.iter().rposition(|line| !line.is_empty()).unwrap_or(0);
        let last = filled.max(cursor.row);
        let shown = lines.get(..=last).unwrap_or(&lines).join("\r\n");
        let is_at_end = |line: &String| line.chars().count() == cursor.col;
        if last == cursor.row && lines.get(last).is_some_and(is_at_end) {
            return Some(shown);
        }
        let up = match last - cursor.row {
            0 => String::new(),
            rows => format!("\x1b[{rows}A"),
        };
        let right = match cursor.col {
            0 => String::new(),
            cols => format!("\x1b[{cols}C"),
        };
        Some(format!("{shown}{up}\r{right}"))
    }

    /// What makes a terminal of the same size that was just cleared show this.
    pub(super) fn dump(&self) -> String {
        self.terminal.dump()
    }

    /// All that was shown and is no longer hidden, as text: `lines` that have left the screen, then
    /// the screen that programs return to.
    pub(super) fn transcript(&self, mut lines: Lines) -> String {
        lines.finish(&self.terminal);
        lines.text
    }
}

fn blank(size: TerminalSize) -> Terminal {
    let (cols, rows) = (usize::from(size.cols.max(1)), usize::from(size.rows.max(1)));
    match Terminal::new(cols, rows) {
        Ok(terminal) => terminal,
        Err(error) => unreachable!("{error}"),
    }
}

/// A line without the blanks at its end, except those before a column.
fn up_to(line: &str, col: usize) -> String {
    let before: usize = line.chars().take(col).map(char::len_utf8).sum();
    line[..line.trim_end().len().max(before)].to_owned()
}

fn trimmed(mut line: String) -> String {
    line.truncate(line.trim_end().len());
    line
}

/// Lines of the main screen that have left it, as text of at most so many bytes; wrapped ones are
/// joined again.
pub(super) struct Lines {
    text: String,
    /// The part of a line whose rest is still on the screen.
    wrapped: String,
    room: usize,
}

impl Lines {
    pub(super) fn new(room: usize) -> Self {
        Self { text: String::new(), wrapped: String::new(), room }
    }

    /// For whoever does not want them.
    fn none() -> Self {
        Self::new(0)
    }

    /// Whether there is room for more.
    pub(super) fn is_full(&self) -> bool {
        self.room == 0
    }

    fn push(&mut self, line: &Line) {
        if self.is_full() {
            return;
        }
        self.wrapped.extend(line.chars());
        if !line.is_wrapped() || self.wrapped.len() > self.room {
            self.wrapped.truncate(self.wrapped.trim_end().len());
            self.end_line("\n");
        }
    }

    /// Take what waits as text.
    fn end_line(&mut self, end: &str) {
        let line = std::mem::take(&mut self.wrapped);
        self.text.push_str(&line);
        self.text.push_str(end);
        self.room = self.room.saturating_sub(line.len() + end.len());
    }

    /// Take the screen, down to the cursor or the last line that is not empty.
    fn finish(&mut self, terminal: &Terminal) {
        let on_main = terminal.active_screen_kind() == ScreenKind::Primary;
        let cursor = terminal.cursor();
        let lines: Vec<&Line> = terminal.primary_screen().all_lines().collect();
        let filled = lines.iter().rposition(|line| !line.text().trim_end().is_empty());
        let last = match filled {
            Some(filled) if on_main => filled.max(cursor.row),
            None if on_main => cursor.row,
            Some(filled) => filled,
            None => return,
        };
        for line in lines.iter().take(last) {
            self.push(line);
        }
        let Some(line) = lines.get(last).filter(|_| !self.is_full()) else { return };
        // The blank after a prompt is seen by its cursor.
        let col = if on_main && cursor.row == last { cursor.col } else { 0 };
        self.wrapped.push_str(&up_to(&line.text(), col));
        self.end_line("");
    }
}

impl Observer for &mut Lines {
    type Output = ();

    fn before(&mut self, context: &mut Observation<'_>, operation: &Operation) {
        // A reset clears the screen, whose lines then never leave it.
        if matches!(operation, Operation::Function(Function::Ris)) && !self.is_full() {
            self.finish(context.terminal());
            self.text.push('\n');
        }
    }

    fn evicted(&mut self, _: &mut Observation<'_>, line: &Line) {
        self.push(line);
    }

    fn end(&mut self, _: &mut Observation<'_>) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SIZE: TerminalSize = TerminalSize { cols: 10, rows: 3 };

    fn shown(output: &[u8]) -> String {
        let mut screen = Screen::new(SIZE);
        output.chunks(3).for_each(|piece| screen.feed(piece));
        screen.text()
    }

    fn transcript(output: &str) -> String {
        let (mut screen, mut lines) = (Screen::new(SIZE), Lines::new(1000));
        screen.feed_with(output.as_bytes(), &mut lines);
        screen.transcript(lines)
    }

    #[test]
    fn a_screen_shows_what_a_terminal_would() {
        for (output, text) in [
            ("one\r\ntwo", "one\ntwo"),
            ("one\r\ntwo\r\nthree\r\nfour", "two\nthree\nfour"),
            ("0123456789ab", "0123456789\nab"),
            ("abc\rX", "Xbc"),
            ("\x1b[2;3Hx\x1b[Hy", "y\n  x"),
            ("shell\x1b[?1049h\x1b[Hvim", "vim"),
            ("shell\x1b[?1049h\x1b[Hvim\x1b[?1049l!", "shell!"),
            ("gone\x1b[2J\x1b[H", ""),
            ("日本\r\nä", "日本\nä"),
        ] {
            assert_eq!(shown(output.as_bytes()), text, "{output:?}");
        }
        assert_eq!(shown(b"a\xffb"), "a\u{fffd}b");
    }

    #[test]
    fn a_transcript_is_what_a_person_has_read() {
        for (output, text) in [
            ("$ ", "$ "),
            ("1\r\n2\r\n3\r\n4\r\n5\r\n", "1\n2\n3\n4\n5\n"),
            (
                "0123456789abcdefghijklmnopqrstuvwxyz\r\nend",
                "0123456789abcdefghijklmnopqrstuvwxyz\nend",
            ),
            ("10%\r50%\r100%\r\n", "100%\n"),
            ("a\r\nb\x1b[1A\x1b[2K\rx\x1b[1B", "x\nb"),
            ("\x1b[31mred\x1b[0m\x1b]0;title\x07", "red"),
            ("a\r\n\x1b[?1049hhidden\r\nmore\r\nand\r\nmore\x1b[?1049lb", "a\nb"),
            ("a\x1bcb", "a\nb"),
            ("", ""),
        ] {
            assert_eq!(transcript(output), text, "{output:?}");
        }
    }

    #[test]
    fn a_transcript_is_bounded() {
        let (mut screen, mut lines) = (Screen::new(SIZE), Lines::new(1000));
        for _ in 0..1000 {
            screen
                .feed_with(b"\x1b[3Sxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n", &mut lines);
        }
        assert!(lines.is_full());
        assert!(screen.transcript(lines).len() < 1200);
    }

    #[test]
    fn a_dump_shows_the_same_again() {
        let mut screen = Screen::new(SIZE);
        screen.feed(b"sh\x1b[31mell\x1b[?1049h\x1b[2;2Hvim\x1b[1");
        let mut again = Screen::new(SIZE);
        again.feed(screen.dump().as_bytes());
        for screen in [&mut screen, &mut again] {
            screen.feed(b"mx\x1b[?1049l!");
        }
        assert_eq!((screen.text(), screen.shown()), (again.text(), again.shown()));
        assert_eq!(again.text(), "shell!");
    }

    #[test]
    fn lines_show_the_same_below_other_text() {
        for output in ["one\r\n$ ", "a\r\nb\r\nc\x1b[A", "", "\x1b[2;4Hx"] {
            let mut screen = Screen::new(SIZE);
            screen.feed(output.as_bytes());
            let mut below = Screen::new(TerminalSize { cols: 10, rows: 9 });
            below.feed(format!("before\r\n{}!", screen.lines().unwrap()).as_bytes());
            screen.feed(b"!");
            assert_eq!(below.text(), format!("before\n{}", screen.text()), "{output:?}");
        }
    }

    #[test]
    fn a_screen_takes_another_size() {
        let mut screen = Screen::new(SIZE);
        screen.feed(b"0123456789abc");
        screen.resize(TerminalSize { cols: 20, rows: 3 });
        assert_eq!(screen.text(), "0123456789abc");
        screen.resize(TerminalSize { cols: 1, rows: 1 });
        assert_eq!(screen.text().chars().count(), 1);
    }

    proptest! {
        #[test]
        fn no_output_is_too_odd(
            pieces in proptest::collection::vec(
                prop_oneof![
                    proptest::collection::vec(any::<u8>(), 0..20),
                    "\x1b\\[[?>=]?[0-9;:]{0,12}[@-~]".prop_map(String::into_bytes),
                    "\x1b[\\]PX^_][ -~]{0,30}(\x07|\x1b\\\\)?".prop_map(String::into_bytes),
                    "\x1b[ -/]?[0-~]".prop_map(String::into_bytes),
                    "[日本ä💥\u{301}\u{200d}]{1,9}".prop_map(String::into_bytes),
                ],
                0..60,
            ),
            sizes in proptest::collection::vec((1u16..30, 1u16..30), 1..4),
        ) {
            let (mut screen, mut lines) = (Screen::new(SIZE), Lines::new(4096));
            for (at, piece) in pieces.iter().enumerate() {
                screen.feed_with(piece, &mut lines);
                let (cols, rows) = sizes[at % sizes.len()];
                if at % 7 == 0 {
                    screen.resize(TerminalSize { cols, rows });
                }
            }
            let mut again = Screen::new(screen.size());
            again.feed(screen.dump().as_bytes());
            prop_assert_eq!(again.text(), screen.text());
            prop_assert!(screen.transcript(lines).len() < 64 * 1024);
        }
    }
}
