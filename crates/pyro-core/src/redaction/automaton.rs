//! `Automaton`: all forms of all values, looked for at once.

use super::forms::{Form, forms};
use super::pairs::Pairs;
use super::rest::{rest_len, shown_len};
use aho_corasick::automaton::{Automaton as _, StateID};
use aho_corasick::nfa::contiguous::NFA;
use aho_corasick::{Anchored, BuildError, MatchKind};
use pyro_protocol::Secret;
use std::collections::HashMap;

/// Looks for values, byte by byte.
pub(super) struct Automaton {
    nfa: NFA,
    start: StateID,
    /// How a form may begin in a text, as it is and with escapes undone.
    pairs: [Pairs; 2],
    /// How far into a form each state is.
    depths: HashMap<StateID, Depth>,
    /// What is looked for.
    forms: Vec<Form>,
}

/// How far into a form a state is.
#[derive(Clone, Copy, Default)]
pub(super) struct Depth {
    /// Bytes of the longest beginning of a form that was just seen.
    pub(super) seen: usize,
    /// Whether so little of each form may be shown.
    pub(super) may_show: bool,
}

impl Automaton {
    pub(super) fn new<'a>(
        values: impl IntoIterator<Item = &'a Secret>,
    ) -> Result<Self, BuildError> {
        let mut all: Vec<_> = values.into_iter().flat_map(|value| forms(value.expose())).collect();
        all.sort_by(|one, other| one.as_slice().cmp(other.as_slice()));
        all.dedup();
        let patterns = all.iter().map(|form| form.as_slice());
        let nfa =
            NFA::builder().match_kind(MatchKind::Standard).prefilter(false).build(patterns)?;
        let start = nfa.start_state(Anchored::No).unwrap_or_default();
        let mut depths = HashMap::new();
        for form in &all {
            let mut state = start;
            for (at, byte) in form.iter().enumerate() {
                state = nfa.next_state(Anchored::No, state, *byte);
                let (seen, most) = (at + 1, shown_len(form.len()));
                let depth: &mut Depth =
                    depths.entry(state).or_insert(Depth { seen, may_show: true });
                depth.may_show &= seen <= most;
            }
        }
        let pairs = [false, true].map(|undoes_escapes| Pairs::new(&all, undoes_escapes));
        Ok(Self { nfa, start, pairs, depths, forms: all })
    }

    /// Bytes at the beginning of a text that are the rest of a value which began before it.
    pub(super) fn rest_len(&self, bytes: &[u8]) -> usize {
        rest_len(&self.forms, bytes)
    }

    pub(super) fn start(&self) -> StateID {
        self.start
    }

    pub(super) fn next(&self, state: StateID, byte: u8) -> StateID {
        self.nfa.next_state(Anchored::No, state, byte)
    }

    /// Bytes at the beginning of a text at which no form begins.
    pub(super) fn skip(&self, bytes: &[u8], undoes_escapes: bool) -> usize {
        self.pairs[usize::from(undoes_escapes)].skip(bytes)
    }

    /// Bytes of the longest form that ends here.
    pub(super) fn found(&self, state: StateID) -> Option<usize> {
        if !self.nfa.is_match(state) {
            return None;
        }
        let matches = 0..self.nfa.match_len(state);
        matches.map(|at| self.nfa.pattern_len(self.nfa.match_pattern(state, at))).max()
    }

    pub(super) fn depth(&self, state: StateID) -> Depth {
        self.depths.get(&state).copied().unwrap_or(Depth { seen: 0, may_show: true })
    }
}
