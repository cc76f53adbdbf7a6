//! The head and the tail of a stream, whatever its length.

use base64::Engine;
use std::collections::VecDeque;

/// Most bytes of a stream that a result gives in base64; of more there is a file.
pub const BASE64_LIMIT: usize = 8 * 1024;

/// Keeps the first and the last bytes of what is written to it, and counts all.
#[derive(Clone, Debug)]
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

    /// Bytes that came so far.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Whether all that came is kept.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.total == (self.head.len() + self.tail.len()) as u64
    }

    /// What is kept: from the start, and from the end.
    #[must_use]
    pub fn kept(&self) -> (&[u8], (&[u8], &[u8])) {
        (&self.head, self.tail.as_slices())
    }

    /// What was kept, as text that weighs at most `limit`, as `weigh` has each character, and a mark
    /// where bytes were left out, which does not count. `mark` puts what stands there into words,
    /// given how many they are.
    #[must_use]
    pub fn into_output_within(
        mut self,
        limit: usize,
        weigh: fn(char) -> usize,
        mark: impl FnOnce(u64) -> String,
    ) -> CapturedOutput {
        let (front, back) = if self.is_whole() {
            self.head.extend(&self.tail);
            let all = pieces(&self.head);
            if all.iter().map(|piece| weigh(piece.character)).sum::<usize>() <= limit {
                let output =
                    CapturedOutput::new(all.iter(), String::new(), [].iter(), false, self.total);
                let is_given = output.is_replaced() && self.head.len() <= BASE64_LIMIT;
                let base64 =
                    is_given.then(|| base64::engine::general_purpose::STANDARD.encode(&self.head));
                return CapturedOutput { base64, ..output };
            }
            (all.clone(), all)
        } else {
            (
                pieces(without_broken_end(&self.head)),
                pieces(without_broken_start(self.tail.make_contiguous())),
            )
        };
        let head = &front[..fitting(front.iter(), limit / 2, weigh)];
        let tail = &back[back.len() - fitting(back.iter().rev(), limit / 2, weigh)..];
        let kept: u64 = head.iter().chain(tail).map(|piece| piece.bytes as u64).sum();
        let mark = format!("\n[... {} ...]\n", mark(self.total - kept));
        CapturedOutput::new(head.iter(), mark, tail.iter(), true, self.total)
    }

    /// What all that came weighs as text; none where not all of it is kept.
    #[must_use]
    pub fn weight(&self, weigh: fn(char) -> usize) -> Option<usize> {
        let all = [&self.head[..], self.tail.as_slices().0, self.tail.as_slices().1].concat();
        self.is_whole().then(|| pieces(&all).iter().map(|piece| weigh(piece.character)).sum())
    }
}

/// Bytes of a character in a JSON string.
#[must_use]
pub fn json_len(character: char) -> usize {
    match character {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        '\0'..='\u{1f}' => 6,
        _ => character.len_utf8(),
    }
}

/// A character of text, or what stands for invalid bytes.
#[derive(Clone, Copy)]
struct Piece {
    character: char,
    /// How many bytes it was.
    bytes: usize,
    invalid: bool,
}

fn pieces(bytes: &[u8]) -> Vec<Piece> {
    let mut pieces = Vec::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        let valid = chunk.valid().chars();
        pieces.extend(valid.map(|character| Piece {
            character,
            bytes: character.len_utf8(),
            invalid: false,
        }));
        if !chunk.invalid().is_empty() {
            let bytes = chunk.invalid().len();
            pieces.push(Piece { character: char::REPLACEMENT_CHARACTER, bytes, invalid: true });
        }
    }
    pieces
}

/// How many pieces weigh at most `limit`.
fn fitting<'a>(
    pieces: impl Iterator<Item = &'a Piece>,
    limit: usize,
    weigh: fn(char) -> usize,
) -> usize {
    let lengths = pieces.scan(0, |len, piece| {
        *len += weigh(piece.character);
        Some(*len)
    });
    lengths.take_while(|len| *len <= limit).count()
}

/// Without a character that the cut went through.
fn without_broken_end(bytes: &[u8]) -> &[u8] {
    let start = bytes.len().saturating_sub(3);
    let broken = (start..bytes.len()).find(|&at| {
        // A lead byte whose continuation is missing.
        std::str::from_utf8(&bytes[at..])
            .is_err_and(|error| error.valid_up_to() == 0 && error.error_len().is_none())
    });
    &bytes[..broken.unwrap_or(bytes.len())]
}

fn without_broken_start(bytes: &[u8]) -> &[u8] {
    let continuation = bytes.iter().take(3).take_while(|byte| (0x80..0xc0).contains(*byte)).count();
    &bytes[continuation..]
}

/// A captured stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapturedOutput {
    /// Its text; a mark stands where bytes were left out.
    pub text: String,
    /// `utf-8`, or `utf-8-replaced` where invalid bytes were replaced.
    pub encoding: &'static str,
    /// Whether bytes were left out.
    pub truncated: bool,
    /// Bytes that the stream had as a whole.
    pub bytes: u64,
    /// All of them in base64, where the text is not what they are and they are at most
    /// [`BASE64_LIMIT`].
    pub base64: Option<String>,
}

impl CapturedOutput {
    fn new<'a>(
        head: impl Iterator<Item = &'a Piece>,
        mark: String,
        tail: impl Iterator<Item = &'a Piece>,
        truncated: bool,
        bytes: u64,
    ) -> Self {
        let mut invalid = false;
        let mut text = String::new();
        let mut put = |text: &mut String, piece: &Piece| {
            invalid |= piece.invalid;
            text.push(piece.character);
        };
        head.for_each(|piece| put(&mut text, piece));
        text.push_str(&mark);
        tail.for_each(|piece| put(&mut text, piece));
        let encoding = if invalid { "utf-8-replaced" } else { "utf-8" };
        Self { text, encoding, truncated, bytes, base64: None }
    }

    /// Whether the text is not what the bytes were.
    #[must_use]
    pub fn is_replaced(&self) -> bool {
        self.encoding != "utf-8"
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
        let output = output(capture);
        assert_eq!(output.text, "abcd\n[... 4 bytes omitted ...]\nijkl");
        assert_eq!((output.truncated, output.bytes, output.encoding), (true, 12, "utf-8"));
    }

    fn omitted(bytes: u64) -> String {
        format!("{bytes} bytes omitted")
    }

    fn output(capture: Capture) -> CapturedOutput {
        let limit = 2 * capture.half;
        capture.into_output_within(limit, char::len_utf8, omitted)
    }

    fn captured(limit: usize, bytes: &[u8]) -> CapturedOutput {
        let mut capture = Capture::new(limit);
        capture.push(bytes);
        output(capture)
    }

    #[test]
    fn short_output_that_is_no_text_is_given_as_it_is() {
        let output = captured(64 * 1024, b"a\xff\0b");
        assert_eq!(
            (output.text.as_str(), output.base64.as_deref()),
            ("a\u{fffd}\0b", Some("Yf8AYg=="))
        );
        assert_eq!(captured(64 * 1024, "a\u{fffd}".as_bytes()).base64, None);
        assert_eq!(captured(64 * 1024, &[0xff; BASE64_LIMIT + 1]).base64, None);
        assert!(captured(64 * 1024, &[0xff; BASE64_LIMIT]).base64.is_some());
    }

    #[test]
    fn a_cut_goes_through_no_character() {
        let output = captured(8, "aaaéé--ééaaa".as_bytes());
        assert_eq!(
            (output.text.as_str(), output.encoding),
            ("aaa\n[... 10 bytes omitted ...]\naaa", "utf-8")
        );
    }

    #[test]
    fn bytes_that_grow_as_text_are_cut_too() {
        let output = captured(12, &[0xff; 12]);
        assert_eq!(output.text, "\u{fffd}\u{fffd}\n[... 8 bytes omitted ...]\n\u{fffd}\u{fffd}");
        assert_eq!((output.encoding, output.truncated, output.bytes), ("utf-8-replaced", true, 12));
    }

    #[test]
    fn invalid_utf8_is_replaced_and_flagged() {
        let mut capture = Capture::new(64);
        capture.push(b"a\xffb");
        assert_eq!(output(capture).encoding, "utf-8-replaced");
    }

    proptest! {
        #[test]
        fn text_weighs_as_much_as_json_says(bytes in proptest::collection::vec(any::<u8>(), 0..200), limit in 8usize..64) {
            let mut capture = Capture::new(64);
            capture.push(&bytes);
            let weight = capture.weight(json_len);
            let output = capture.into_output_within(limit, json_len, |_| String::new());
            let length = serde_json::to_string(&output.text).unwrap().len() - 2;
            let mark = if output.truncated { serde_json::to_string("\n[...  ...]\n").unwrap().len() - 2 } else { 0 };
            prop_assert!(length <= limit + mark, "{length} of {limit}");
            prop_assert!(output.truncated || weight == Some(length));
        }

        #[test]
        fn text_never_exceeds_the_limit(bytes in proptest::collection::vec(any::<u8>(), 0..200), limit in 8usize..64) {
            let limit = limit & !1;
            let output = captured(limit, &bytes);
            let mark = if output.truncated { "\n[... 000 bytes omitted ...]\n".len() } else { 0 };
            prop_assert!(output.text.len() <= limit + mark, "{} of {limit}", output.text.len());
            prop_assert_eq!(output.bytes, bytes.len() as u64);
        }

        #[test]
        fn short_streams_are_whole_however_they_are_cut(chunks in proptest::collection::vec("[a-z]{0,5}", 0..6)) {
            let whole = chunks.concat();
            let mut capture = Capture::new(64);
            for chunk in &chunks { capture.push(chunk.as_bytes()); }
            let output = output(capture);
            prop_assert_eq!(output.text, whole);
            prop_assert!(!output.truncated);
        }
    }
}
