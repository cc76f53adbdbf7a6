//! `Redactor`: keeps some values out of texts.

use super::automaton::Automaton;
use super::masking::Masking;
use super::stream::Redaction;
use aho_corasick::BuildError;
use pyro_protocol::Secret;
use std::ops::Range;
use std::sync::Arc;

/// Keeps some values out of texts and streams. Clones share what it looks for, which holds the
/// values.
#[derive(Clone)]
pub struct Redactor {
    automaton: Arc<Automaton>,
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Redactor")
    }
}

impl Redactor {
    /// What keeps these values out.
    ///
    /// # Errors
    /// When they are too many.
    pub fn new<'a>(values: impl IntoIterator<Item = &'a Secret>) -> Result<Self, BuildError> {
        Ok(Self { automaton: Arc::new(Automaton::new(values)?) })
    }

    /// A stream of which nothing has come yet.
    #[must_use]
    pub fn stream(&self) -> Redaction {
        Redaction::new(Arc::clone(&self.automaton))
    }

    /// Files of which nothing has come yet.
    #[must_use]
    pub fn masking(&self) -> Masking {
        Masking::new(Arc::clone(&self.automaton))
    }

    /// Bytes without the values.
    #[must_use]
    pub fn bytes(&self, bytes: &[u8]) -> Vec<u8> {
        whole(self.stream(), bytes)
    }

    /// The end of something longer without the values, and without the rest of one that began
    /// before it.
    #[must_use]
    pub fn tail(&self, bytes: &[u8]) -> Vec<u8> {
        whole(self.stream().after_cut(self.automaton.rest_len(bytes)), bytes)
    }

    /// A text without the values.
    #[must_use]
    pub fn text(&self, text: &str) -> String {
        as_text(self.bytes(text.as_bytes()))
    }

    /// As [`Redactor::tail`], of a text.
    #[must_use]
    pub fn text_tail(&self, text: &str) -> String {
        as_text(self.tail(text.as_bytes()))
    }

    /// Where the values are, in order; none overlaps another.
    #[must_use]
    pub fn places(&self, bytes: &[u8]) -> Vec<Range<usize>> {
        self.stream().places(bytes)
    }
}

fn whole(mut stream: Redaction, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    stream.push(bytes, &mut out);
    stream.finish(&mut out);
    out
}

fn as_text(bytes: Vec<u8>) -> String {
    match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    }
}
