//! `Redaction`: one stream, of which only that is held back which may still become a value.

use super::automaton::Automaton;
use super::view::{Span, View};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

/// What stands where a value was.
pub const MARK: &str = "[REDACTED]";

/// How long a stream must be silent until what is held back of it is shown, as far as it may be.
pub const IDLE: Duration = Duration::from_millis(20);

/// A stream on its way to whoever may see it. However it is cut, the same comes out.
pub struct Redaction {
    automaton: Arc<Automaton>,
    views: [View; 2],
    /// What came and was not shown yet.
    held: Vec<u8>,
    /// Position of the first of it.
    shown: u64,
    /// Places of values that are not shown yet.
    spans: Vec<Span>,
    /// Up to where the last mark stands for what came.
    marked: u64,
    /// Whether a mark is as long as what it stands for.
    fills: bool,
}

impl Redaction {
    pub(super) fn new(automaton: Arc<Automaton>) -> Self {
        let views = [View::new(&automaton, false), View::new(&automaton, true)];
        Self {
            automaton,
            views,
            held: Vec::new(),
            shown: 0,
            spans: Vec::new(),
            marked: 0,
            fills: false,
        }
    }

    /// The same for what begins with so many bytes of a value.
    pub(super) fn after_cut(mut self, rest_len: usize) -> Self {
        self.spans.extend((rest_len > 0).then_some((0, rest_len as u64)));
        self
    }

    /// The same with marks that are as long as what they stand for.
    pub(super) fn filling(self) -> Self {
        Self { fills: true, ..self }
    }

    /// Take bytes as they come; what may be shown is added to `out`.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let at = self.position();
        for view in &mut self.views {
            view.push(&self.automaton, at, bytes, &mut self.spans);
        }
        let begun = self.views.iter().filter_map(View::begun).min();
        let is_plain = begun.is_none() && self.spans.is_empty() && self.marked <= at;
        if is_plain && self.held.is_empty() {
            out.extend_from_slice(bytes);
            self.shown += bytes.len() as u64;
            return;
        }
        self.held.extend_from_slice(bytes);
        self.show(begun.unwrap_or(u64::MAX), out);
    }

    /// Whether something is held back.
    #[must_use]
    pub fn holds(&self) -> bool {
        !self.held.is_empty()
    }

    /// The stream is silent: show what is held back, unless it is a good part of a value (more than
    /// a quarter, or than 8 bytes). If it becomes one after all, a mark stands for the rest.
    pub fn settle(&mut self, out: &mut Vec<u8>) {
        if self.views.iter().all(|view| view.may_show(&self.automaton)) {
            self.show(u64::MAX, out);
        }
    }

    /// The stream has ended: nothing that is held back becomes a value.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        self.show(u64::MAX, out);
    }

    pub(super) fn places(mut self, bytes: &[u8]) -> Vec<Range<usize>> {
        for view in &mut self.views {
            view.push(&self.automaton, 0, bytes, &mut self.spans);
        }
        self.spans.sort_unstable();
        let mut places: Vec<Range<usize>> = Vec::new();
        for (start, end) in self.spans {
            let index = |at: u64| usize::try_from(at).unwrap_or(bytes.len()).min(bytes.len());
            let (start, end) = (index(start), index(end));
            match places.last_mut() {
                Some(last) if start < last.end => last.end = last.end.max(end),
                _ => places.push(start..end),
            }
        }
        places
    }

    /// Position after the last byte that came.
    fn position(&self) -> u64 {
        self.shown + self.held.len() as u64
    }

    /// Show what came before `to`: every value that begins there is known.
    fn show(&mut self, to: u64, out: &mut Vec<u8>) {
        let to = to.min(self.position());
        if to < self.shown {
            return;
        }
        self.spans.sort_unstable();
        let known = self.spans.partition_point(|(start, _)| *start < to);
        let known: Vec<Span> = self.spans.drain(..known).collect();
        if self.fills {
            self.fill(&known, to, out);
        } else {
            self.mark(&known, to, out);
        }
        let gone = to.max(self.shown) - self.shown;
        self.held.drain(..usize::try_from(gone).unwrap_or(usize::MAX).min(self.held.len()));
        self.shown = self.shown.max(to);
    }

    /// Show what came before `to` with a mark for each of these places.
    fn mark(&mut self, places: &[Span], to: u64, out: &mut Vec<u8>) {
        for (start, end) in places {
            if *start >= self.marked {
                self.plain(*start, out);
                out.extend_from_slice(MARK.as_bytes());
            }
            self.marked = self.marked.max(*end);
        }
        self.plain(to, out);
    }

    /// As [`Redaction::mark`], with as many asterisks as bytes.
    fn fill(&mut self, places: &[Span], to: u64, out: &mut Vec<u8>) {
        let index = |at: u64| usize::try_from(at.clamp(self.shown, to) - self.shown).unwrap_or(0);
        let mut bytes = self.held[..index(to)].to_vec();
        for (start, end) in [(self.shown, self.marked)].iter().chain(places) {
            let (start, end) = (index(*start), index(*end));
            bytes[start..end.max(start)].fill(b'*');
        }
        out.extend(bytes);
        self.marked = places.iter().map(|(_, end)| *end).fold(self.marked, u64::max);
    }

    /// Show what no mark stands for up to `to`.
    fn plain(&mut self, to: u64, out: &mut Vec<u8>) {
        let from = self.marked.max(self.shown);
        if from < to {
            let index = |at: u64| usize::try_from(at - self.shown).unwrap_or(usize::MAX);
            out.extend_from_slice(&self.held[index(from)..index(to)]);
        }
    }
}
