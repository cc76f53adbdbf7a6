//! `Output`: all that a shell has printed, as far as it is kept, and the screen that came of it.
//!
//! Everything that a caller gets to see of a shell leaves through this file.

use super::ring::Ring;
use super::screen::{Lines, Screen, Shown};
use super::text::{decode, whole_characters, whole_sequences};
use crate::vm::control::shells::View;
use pyro_protocol::message::TerminalSize;
use std::collections::VecDeque;

/// Bytes that are kept of a shell's output.
pub(super) const KEPT_LEN: usize = 1024 * 1024;

/// Bytes of the output that one read takes at most, and with that its text fits in a message.
pub(super) const MAX_READ_LEN: usize = 256 * 1024;

/// Bytes of text that a plain read gives at most: a few bytes of output can scroll many lines.
const MAX_PLAIN_LEN: usize = 768 * 1024;

/// Bytes that are shown on the screen at once.
pub(super) const PIECE_LEN: usize = 4096;

/// Switches between the screens that are remembered.
const MAX_SWITCHES: usize = 1024;

/// What a shell has printed.
pub(super) struct Output {
    ring: Ring,
    screen: Screen,
    size: TerminalSize,
    /// Which screen was shown from a position on, oldest first, as far as pieces tell.
    switches: VecDeque<(u64, bool)>,
    is_over: bool,
}

/// What one read gives.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Excerpt {
    pub(super) text: String,
    /// Where it begins, and where the next one does.
    pub(super) from: u64,
    pub(super) next: u64,
    /// Bytes between the position that was asked for and `from`, which are lost.
    pub(super) missed: u64,
    pub(super) truncated: bool,
}

/// A part of the output on its way to become plain text.
pub(super) struct Chunk {
    bytes: Vec<u8>,
    from: u64,
    missed: u64,
    truncated: bool,
    size: TerminalSize,
    /// What shows the screen that programs had taken when the part begins.
    replayed: Vec<u8>,
    alternate: bool,
    /// The screen as it stands, where the part goes up to its present end.
    now: Option<String>,
}

impl Output {
    pub(super) fn new(size: TerminalSize) -> Self {
        Self {
            ring: Ring::new(KEPT_LEN),
            screen: Screen::new(size),
            size,
            switches: VecDeque::new(),
            is_over: false,
        }
    }

    /// Add what was printed, at most [`PIECE_LEN`] bytes.
    pub(super) fn push(&mut self, piece: &[u8]) {
        let alternate = self.screen.is_alternate();
        if self.switches.back().is_some_and(|(_, before)| *before) != alternate {
            if self.switches.len() == MAX_SWITCHES {
                self.switches.pop_front();
            }
            self.switches.push_back((self.ring.end(), alternate));
        }
        self.screen.feed(piece);
        self.ring.push(piece);
        while self.switches.get(1).is_some_and(|(at, _)| *at <= self.ring.start()) {
            self.switches.pop_front();
        }
    }

    /// No more will come.
    pub(super) fn end(&mut self) {
        self.is_over = true;
    }

    pub(super) fn resize(&mut self, size: TerminalSize) {
        self.screen.resize(size);
        self.size = size;
    }

    /// Position after the last byte that came.
    pub(super) fn position(&self) -> u64 {
        self.ring.end()
    }

    /// Whether at least `chars` characters came since `from`.
    pub(super) fn has(&self, from: u64, chars: usize) -> bool {
        let (from, needed) = (from.max(self.ring.start()), chars as u64);
        let is_first = |byte: &&u8| **byte & 0xc0 != 0x80;
        self.ring.end().saturating_sub(from) >= needed
            && self.ring.copy(from, self.ring.end()).iter().filter(is_first).count() >= chars
    }

    /// Bytes from `from` on for whoever follows the output; none where some of them are lost.
    pub(super) fn follow(&self, from: u64, max_len: usize) -> Option<Vec<u8>> {
        (from >= self.ring.start()).then(|| self.ring.copy(from, from + max_len as u64))
    }

    /// What shows the screen as it stands to whoever comes to it: below what their terminal shows
    /// already, as long as no program has taken all of it.
    pub(super) fn continued(&self) -> Vec<u8> {
        match self.screen.lines() {
            Some(lines) => lines.into_bytes(),
            None => self.redrawn(),
        }
    }

    /// What makes a terminal show the screen as it stands, whatever it shows.
    pub(super) fn redrawn(&self) -> Vec<u8> {
        // The main screen first: the dump goes to the alternate one by itself.
        format!("\x1b[?1049l\x1b[0m\x1b[r\x1b[2J\x1b[H{}", self.screen.dump()).into_bytes()
    }

    /// The screen as it stands.
    pub(super) fn screen(&self) -> (String, Shown) {
        (self.screen.text(), self.screen.shown())
    }

    /// At most `max_chars` characters from `from` on as they came.
    pub(super) fn raw(&self, from: u64, max_chars: usize) -> Excerpt {
        let Part { bytes, from, missed, at_end } = self.part(from, max_chars, View::Raw);
        let (text, taken) = decode(&bytes, max_chars);
        let truncated = !at_end || taken < bytes.len();
        Excerpt { text, from, next: from + taken as u64, missed, truncated }
    }

    /// At most `max_chars` characters from `from` on, to be made plain text.
    pub(super) fn chunk(&self, from: u64, max_chars: usize) -> Chunk {
        let Part { mut bytes, from, missed, mut at_end } = self.part(from, max_chars, View::Plain);
        let (_, taken) = decode(&bytes, max_chars);
        if taken < bytes.len() {
            at_end = false;
            // One sequence alone may be longer than what is wanted.
            let len = match whole_sequences(&bytes[..taken]) {
                0 => taken,
                len => len,
            };
            bytes.truncate(len);
        }
        let (replayed, alternate) = self.before(from);
        Chunk {
            bytes,
            from,
            missed,
            truncated: !at_end,
            size: self.size,
            replayed,
            alternate,
            now: (at_end && self.screen.is_alternate()).then(|| self.screen.text()),
        }
    }

    /// The bytes that a read may take: cut where nothing is split.
    fn part(&self, from: u64, max_chars: usize, view: View) -> Part {
        let begin = from.clamp(self.ring.start(), self.ring.end());
        let begin = self.at_character(begin);
        let len = max_chars.saturating_mul(4).min(MAX_READ_LEN) as u64;
        let mut bytes = self.ring.copy(begin, begin.saturating_add(len));
        let at_end = begin + bytes.len() as u64 == self.ring.end();
        if !(at_end && self.is_over) {
            let whole = match view {
                View::Plain => whole_sequences(&bytes),
                _ => whole_characters(&bytes),
            };
            // What waits for its rest at the end of all waits; elsewhere a read must get on.
            if whole > 0 || at_end {
                bytes.truncate(whole);
            }
        }
        Part { bytes, from: begin, missed: begin.saturating_sub(from), at_end }
    }

    /// The first position from `at` on, or just before it, that is in no character.
    fn at_character(&self, at: u64) -> u64 {
        let before = self.ring.copy(at.saturating_sub(3), at);
        let after = self.ring.copy(at, at + 3);
        let Some(next) = after.first() else { return at };
        if next & 0xc0 != 0x80 {
            return at;
        }
        match before.iter().rposition(|byte| byte & 0xc0 != 0x80) {
            // Its beginning is there.
            Some(lead) if is_one_character(&before[lead..], &after) => {
                at - (before.len() - lead) as u64
            }
            // Its beginning is lost.
            None if at == self.ring.start() => {
                at + after.iter().take_while(|byte| **byte & 0xc0 == 0x80).count() as u64
            }
            _ => at,
        }
    }

    /// What shows which screen was taken when the output was at `from`.
    fn before(&self, from: u64) -> (Vec<u8>, bool) {
        let known = self.switches.iter().rev().find(|(at, _)| *at <= from);
        let (at, alternate) = known.copied().unwrap_or((0, false));
        let begin = at.max(from.saturating_sub(PIECE_LEN as u64));
        (self.ring.copy(begin, from), alternate)
    }
}

/// Bytes of the output, whole, and where they begin.
struct Part {
    bytes: Vec<u8>,
    from: u64,
    missed: u64,
    /// Whether they go up to what is to be had at present.
    at_end: bool,
}

/// Whether a character goes from the beginning of one slice into the other.
fn is_one_character(before: &[u8], after: &[u8]) -> bool {
    let both = [before, after].concat();
    let first = both.utf8_chunks().next();
    let first = first.and_then(|chunk| chunk.valid().chars().next());
    first.is_some_and(|char| char.len_utf8() > before.len())
}

impl Chunk {
    /// The text as a person has read it; takes its time.
    pub(super) fn plain(self) -> Excerpt {
        let mut before = Screen::beginning(self.size, self.alternate);
        before.feed(&self.replayed);
        let mut screen = Screen::beginning(self.size, before.is_alternate());
        let mut lines = Lines::new(MAX_PLAIN_LEN);
        for piece in self.bytes.chunks(PIECE_LEN) {
            if lines.is_full() {
                break;
            }
            screen.feed_with(piece, &mut lines);
        }
        let shown = screen.is_alternate().then(|| self.now.unwrap_or_else(|| screen.text()));
        let mut text = screen.transcript(lines);
        if let Some(shown) = shown {
            if !text.is_empty() && !text.ends_with('\n') {
                text.push('\n');
            }
            text.push_str(&shown);
        }
        let (from, next) = (self.from, self.from + self.bytes.len() as u64);
        Excerpt { text, from, next, missed: self.missed, truncated: self.truncated }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SIZE: TerminalSize = TerminalSize { cols: 20, rows: 4 };
    const ALL: usize = 65_536;

    fn output(pieces: &[&[u8]]) -> Output {
        let mut output = Output::new(SIZE);
        pieces.iter().flat_map(|piece| piece.chunks(PIECE_LEN)).for_each(|one| output.push(one));
        output
    }

    #[test]
    fn a_read_goes_on_where_the_last_one_ended() {
        let mut output = output(&[b"ab\xc3\xa4", b"c"]);
        let first = output.raw(0, 3);
        let expected =
            Excerpt { text: "abä".into(), from: 0, next: 4, missed: 0, truncated: true };
        assert_eq!(first, expected);
        assert_eq!(output.raw(first.next, 3).text, "c");
        output.push(b"\xe2\x82");
        let waiting = output.raw(4, ALL);
        assert_eq!((waiting.text.as_str(), waiting.next), ("c", 5), "half a character waits");
        output.push(b"\xac");
        assert_eq!(output.raw(waiting.next, ALL).text, "€");
        output.push(b"\xe2");
        output.end();
        assert_eq!(output.raw(8, ALL).text, "\u{fffd}", "nothing more comes");
        // In the middle of a character, and beyond the end.
        assert_eq!((output.raw(3, 1).text.as_str(), output.raw(3, 1).from), ("ä", 2));
        assert_eq!((output.raw(999, 9).from, output.raw(999, 9).truncated), (9, false));
    }

    #[test]
    fn a_late_reader_is_told_what_it_missed() {
        let mut output = output(&[]);
        for _ in 0..600 {
            output.push(&"ä".repeat(1024).into_bytes());
        }
        output.push(b"z");
        let end = 600 * 2048 + 1;
        let read = output.raw(10, 2);
        // The first that is left is the second half of a character.
        assert_eq!((read.text.as_str(), read.from, read.missed), ("ää", 180_226, 180_216));
        assert_eq!(output.position(), end);
        assert_eq!((output.follow(0, 10), output.follow(end - 1, 10)), (None, Some(b"z".to_vec())));
        let mut at = 0;
        let mut chars = 0;
        loop {
            let read = output.raw(at, usize::MAX);
            chars += read.text.chars().count();
            at = read.next;
            if !read.truncated {
                break;
            }
        }
        assert_eq!((at, chars as u64), (end, (end - 180_226 - 1) / 2 + 1));
    }

    #[test]
    fn plain_text_is_what_a_person_has_read() {
        let plain = |output: &Output, from| output.chunk(from, ALL).plain();
        let mut output = output(&[b"$ ", b"echo \x1b[1mx\x1b[0m\r\nx\r\n\x1b[?2004h$ "]);
        assert_eq!(plain(&output, 0).text, "$ echo x\nx\n$ ");
        assert_eq!(plain(&output, 2).text, "echo x\nx\n$ ");
        let end = output.position();
        output.push(b"\x1b[3");
        assert_eq!(plain(&output, end).next, end, "half a sequence waits");
        output.push(b"1mred");
        assert_eq!(plain(&output, end).text, "red");
        let end = output.position();
        // While a program has the alternate screen, that is what is seen.
        output.push(b"\x1b[?1049h\x1b[H~\r\n~ file");
        assert_eq!(plain(&output, end).text, "~\n~ file");
        let inside = output.position();
        output.push(b"\x1b[1;1Hx");
        assert_eq!(plain(&output, inside).text, "x\n~ file");
        output.push(b"more\x1b[?1049l$ ");
        assert_eq!(plain(&output, inside).text, "$ ", "what was on it is gone with it");
        let (text, shown) = output.screen();
        assert!(text.ends_with("$ red$") && !shown.alternate, "{text:?}");
    }

    #[test]
    fn a_screen_is_right_after_more_output_than_is_kept() {
        let mut output = output(&[]);
        for number in 0..60_000 {
            output.push(format!("line {number} of a lot of them\r\n").as_bytes());
        }
        output.push(b"\x1b[2;5Hhere");
        assert!(
            output.position() > 1_500_000 && output.ring.end() - output.ring.start() == 1 << 20
        );
        assert_eq!(output.screen().0.lines().nth(1), Some("linehere99 of a lot"));
        let mut again = Screen::new(SIZE);
        again.feed(&output.redrawn());
        assert_eq!(again.text(), output.screen().0);
    }

    proptest! {
        #[test]
        fn reads_of_any_size_are_the_whole(
            pieces in proptest::collection::vec("[a-zä€💥\x1b\\[0-9m\r\n]{0,30}", 0..20),
            max in 1usize..12,
        ) {
            let mut output = Output::new(SIZE);
            pieces.iter().for_each(|piece| output.push(piece.as_bytes()));
            output.end();
            for plain in [false, true] {
                let (mut text, mut at, mut rounds) = (String::new(), 0, 0);
                loop {
                    let read = match plain {
                        true => output.chunk(at, max).plain(),
                        false => output.raw(at, max),
                    };
                    text.push_str(&read.text);
                    prop_assert_eq!((read.from, read.missed), (at, 0));
                    prop_assert!(read.next > at || !read.truncated);
                    at = read.next;
                    rounds += 1;
                    if !read.truncated {
                        break;
                    }
                    prop_assert!(rounds < 1000);
                }
                prop_assert_eq!(at, output.position());
                if !plain {
                    prop_assert_eq!(text, pieces.concat());
                }
            }
        }
    }
}
