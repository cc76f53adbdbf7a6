//! `Masking`: the contents of files, whose lengths stay as they are.

use super::automaton::Automaton;
use super::stream::Redaction;
use std::sync::Arc;

/// A file on its way out. Where a value stands it has as many asterisks: whoever receives it was
/// told its length before.
pub struct Masking {
    stream: Redaction,
    /// Where what comes next lies in the file.
    next: u64,
    /// Where what is held back begins.
    out: u64,
    automaton: Arc<Automaton>,
}

impl Masking {
    pub(super) fn new(automaton: Arc<Automaton>) -> Self {
        Self { stream: Self::stream(&automaton), next: 0, out: 0, automaton }
    }

    fn stream(automaton: &Arc<Automaton>) -> Redaction {
        Redaction::new(Arc::clone(automaton)).filling()
    }

    /// Begin another file.
    pub fn restart(&mut self, at: u64) {
        self.stream = Self::stream(&self.automaton);
        (self.next, self.out) = (at, at);
    }

    /// Take what stands at `offset`; `give` gets what may go out, and where it goes. What was
    /// skipped is a hole, and no value has one.
    ///
    /// # Errors
    /// Those of `give`.
    pub fn put<E>(
        &mut self,
        offset: u64,
        bytes: &[u8],
        give: &mut impl FnMut(u64, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        if offset != self.next {
            self.finish(give)?;
            self.restart(offset);
        }
        let mut masked = Vec::with_capacity(bytes.len());
        self.stream.push(bytes, &mut masked);
        self.next = offset.saturating_add(bytes.len() as u64);
        self.give(&masked, give)
    }

    /// The file has ended, or a hole begins.
    ///
    /// # Errors
    /// Those of `give`.
    pub fn finish<E>(
        &mut self,
        give: &mut impl FnMut(u64, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut masked = Vec::new();
        self.stream.finish(&mut masked);
        self.give(&masked, give)
    }

    fn give<E>(
        &mut self,
        masked: &[u8],
        give: &mut impl FnMut(u64, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        /// Bytes that are given at once.
        const PIECE: usize = 64 * 1024;
        for piece in masked.chunks(PIECE) {
            give(self.out, piece)?;
            self.out += piece.len() as u64;
        }
        Ok(())
    }
}
