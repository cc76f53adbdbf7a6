//! Captured output: the head and the tail of a stream, whatever its length.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::AsyncWrite;

/// Keeps the first and the last bytes of what is written to it, and counts all.
#[derive(Debug)]
pub struct Capture {
    half: usize,
    head: Vec<u8>,
    tail: VecDeque<u8>,
    total: u64,
}

impl Capture {
    /// Keep at most `limit` bytes: half of them from the start, half from the end.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { half: limit / 2, head: Vec::new(), tail: VecDeque::new(), total: 0 }
    }

    /// Take bytes as they come.
    pub fn push(&mut self, bytes: &[u8]) {
        self.total += bytes.len() as u64;
        let (head, rest) = bytes.split_at(bytes.len().min(self.half - self.head.len()));
        self.head.extend_from_slice(head);
        let rest = &rest[rest.len().saturating_sub(self.half)..];
        self.tail.extend(rest);
        let surplus = self.tail.len().saturating_sub(self.half);
        self.tail.drain(..surplus);
    }

    /// What was kept, as text.
    #[must_use]
    pub fn into_output(self) -> CapturedOutput {
        let omitted = self.total - (self.head.len() + self.tail.len()) as u64;
        let mut bytes = self.head;
        if omitted > 0 {
            bytes.extend_from_slice(format!("\n[... {omitted} bytes omitted ...]\n").as_bytes());
        }
        bytes.extend(self.tail);
        let (text, encoding) = match String::from_utf8(bytes) {
            Ok(text) => (text, "utf-8"),
            Err(error) => (String::from_utf8_lossy(error.as_bytes()).into_owned(), "utf-8-replaced"),
        };
        CapturedOutput { text, encoding, truncated: omitted > 0, bytes: self.total }
    }
}

/// A captured stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapturedOutput {
    /// Its text; a mark stands where bytes were left out.
    pub text: String,
    /// `utf-8`, or `utf-8-replaced` where invalid bytes were replaced (a cut in the middle of a character counts).
    pub encoding: &'static str,
    /// Whether bytes were left out.
    pub truncated: bool,
    /// Bytes that the stream had as a whole.
    pub bytes: u64,
}

impl AsyncWrite for Capture {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.push(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn head_and_tail_are_kept_and_the_cut_is_marked() {
        let mut capture = Capture::new(8);
        for byte in b"abcdefghijkl" {
            capture.push(&[*byte]);
        }
        let output = capture.into_output();
        assert_eq!(output.text, "abcd\n[... 4 bytes omitted ...]\nijkl");
        assert_eq!((output.truncated, output.bytes, output.encoding), (true, 12, "utf-8"));
    }

    #[test]
    fn invalid_utf8_is_replaced_and_flagged() {
        let mut capture = Capture::new(64);
        capture.push(b"a\xffb");
        assert_eq!(capture.into_output().encoding, "utf-8-replaced");
    }

    proptest! {
        #[test]
        fn short_streams_are_whole_however_they_are_cut(chunks in proptest::collection::vec("[a-z]{0,5}", 0..6)) {
            let whole = chunks.concat();
            let mut capture = Capture::new(64);
            for chunk in &chunks { capture.push(chunk.as_bytes()); }
            let output = capture.into_output();
            prop_assert_eq!(output.text, whole);
            prop_assert!(!output.truncated);
        }
    }
}
