//! `View`: one way to read a stream, as it is or with the escapes of URLs undone.

use super::automaton::Automaton;
use super::forms::{digit, is_blank};
use aho_corasick::automaton::StateID;
use std::collections::VecDeque;

/// Blanks in a row that a value may have within it; more than that end it, so that what is held
/// back is bounded.
const MAX_BLANKS: usize = 64;

/// How far one way to read a stream has come.
pub(super) struct View {
    undoes_escapes: bool,
    state: StateID,
    /// Where in the stream each of the last bytes begins that may be of a value.
    starts: VecDeque<u64>,
    blanks: usize,
    /// An escape that has begun: a percent sign, and its first digit.
    escape: Option<(u64, Option<u8>)>,
}

/// A part of a stream, from one position up to another.
pub(super) type Span = (u64, u64);

impl View {
    pub(super) fn new(automaton: &Automaton, undoes_escapes: bool) -> Self {
        let (starts, state) = (VecDeque::new(), automaton.start());
        Self { undoes_escapes, state, starts, blanks: 0, escape: None }
    }

    /// Take the bytes that begin at `at`; `spans` gets every place of a value.
    pub(super) fn push(
        &mut self,
        automaton: &Automaton,
        at: u64,
        bytes: &[u8],
        spans: &mut Vec<Span>,
    ) {
        let mut next = 0;
        loop {
            if self.state == automaton.start() && self.escape.is_none() {
                next += automaton.skip(&bytes[next..], self.undoes_escapes);
            }
            let Some(byte) = bytes.get(next) else { break };
            let at = at + next as u64;
            if self.undoes_escapes {
                self.undo(automaton, at, *byte, spans);
            } else {
                self.step(automaton, *byte, (at, at + 1), spans);
            }
            next += 1;
        }
        let seen = automaton.depth(self.state).seen;
        self.starts.drain(..self.starts.len().saturating_sub(seen));
    }

    fn undo(&mut self, automaton: &Automaton, at: u64, byte: u8, spans: &mut Vec<Span>) {
        let is_hex = byte.is_ascii_hexdigit();
        match self.escape.take() {
            None if byte == b'%' => self.escape = Some((at, None)),
            None => self.step(automaton, byte, (at, at + 1), spans),
            Some((begin, None)) if is_hex => self.escape = Some((begin, Some(byte))),
            Some((begin, Some(first))) if is_hex => {
                let byte = 16 * digit(first) + digit(byte);
                self.step(automaton, byte, (begin, at + 1), spans);
            }
            Some((begin, first)) => {
                // It is none: what it was taken for stands for itself.
                self.step(automaton, b'%', (begin, begin + 1), spans);
                if let Some(first) = first {
                    self.step(automaton, first, (begin + 1, begin + 2), spans);
                }
                self.undo(automaton, at, byte, spans);
            }
        }
    }

    fn step(&mut self, automaton: &Automaton, byte: u8, span: Span, spans: &mut Vec<Span>) {
        if is_blank(byte) {
            self.blanks += 1;
            if self.blanks > MAX_BLANKS {
                self.state = automaton.start();
                self.starts.clear();
            }
            return;
        }
        self.blanks = 0;
        self.state = automaton.next(self.state, byte);
        if self.state == automaton.start() {
            self.starts.clear();
            return;
        }
        self.starts.push_back(span.0);
        if let Some(len) = automaton.found(self.state)
            && let Some(start) =
                self.starts.len().checked_sub(len).and_then(|at| self.starts.get(at))
        {
            spans.push((*start, span.1));
        }
    }

    /// Where that begins which may become a value.
    pub(super) fn begun(&self) -> Option<u64> {
        let escape = self.escape.map(|(at, _)| at);
        self.starts.front().copied().or(escape)
    }

    /// Whether so little of a value is there that it may be shown.
    pub(super) fn may_show(&self, automaton: &Automaton) -> bool {
        automaton.depth(self.state).may_show
    }
}
