//! Where bytes of a terminal may be cut, and what they are as text.

/// Longest unfinished sequence that is waited for, in bytes; what is longer is no sequence that a
/// program means.
const MAX_SEQUENCE_LEN: usize = 4096;

const ESC: u8 = 0x1b;

/// How many bytes of `bytes` can be told without the ones that follow: those before a character
/// that is not whole yet.
pub(super) fn whole_characters(bytes: &[u8]) -> usize {
    let tail = bytes.len().saturating_sub(3);
    let lead = bytes[tail..].iter().rposition(|byte| byte & 0xc0 != 0x80);
    let Some(lead) = lead.map(|at| tail + at) else { return bytes.len() };
    match std::str::from_utf8(&bytes[lead..]) {
        Err(error) if error.error_len().is_none() => lead + error.valid_up_to(),
        _ => bytes.len(),
    }
}

/// As [`whole_characters`], and before a control sequence that is not whole yet.
pub(super) fn whole_sequences(bytes: &[u8]) -> usize {
    let len = whole_characters(bytes);
    let tail = len.saturating_sub(MAX_SEQUENCE_LEN);
    match bytes[tail..len].iter().rposition(|byte| *byte == ESC).map(|at| tail + at) {
        Some(esc) if !is_whole(&bytes[esc + 1..len]) => {
            // The end of a string is a sequence of its own; the string before it is cut as well.
            string_before(bytes, esc, tail).unwrap_or(esc)
        }
        _ => len,
    }
}

/// The beginning of a string that a lone ESC at `esc` may be about to end.
fn string_before(bytes: &[u8], esc: usize, tail: usize) -> Option<usize> {
    let begin = bytes[tail..esc].iter().rposition(|byte| *byte == ESC).map(|at| tail + at)?;
    (esc + 1 == bytes.len() && !is_whole(&bytes[begin + 1..esc])).then_some(begin)
}

/// Whether what follows an ESC is a whole sequence, with whatever stands behind it.
fn is_whole(after: &[u8]) -> bool {
    let Some((kind, rest)) = after.split_first() else { return false };
    match kind {
        b'[' => rest.iter().any(|byte| !(0x20..=0x3f).contains(byte)),
        // Strings end with BEL or ESC \, and CAN and SUB break them off.
        b']' | b'P' | b'X' | b'^' | b'_' => rest.iter().any(|byte| matches!(byte, 7 | 0x18 | 0x1a)),
        0x20..=0x2f => rest.iter().any(|byte| !(0x20..=0x2f).contains(byte)),
        _ => true,
    }
}

/// At most `max_chars` characters of `bytes` as text, invalid ones replaced, and how many bytes
/// that took.
pub(super) fn decode(bytes: &[u8], max_chars: usize) -> (String, usize) {
    let (mut text, mut taken, mut left) = (String::new(), 0, max_chars);
    for chunk in bytes.utf8_chunks() {
        for (at, char) in chunk.valid().char_indices() {
            if left == 0 {
                return (text, taken + at);
            }
            text.push(char);
            left -= 1;
        }
        taken += chunk.valid().len();
        if !chunk.invalid().is_empty() {
            if left == 0 {
                break;
            }
            text.push(char::REPLACEMENT_CHARACTER);
            (left, taken) = (left - 1, taken + chunk.invalid().len());
        }
    }
    (text, taken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    #[test]
    fn a_character_is_not_split() {
        for (bytes, whole) in [
            (&b""[..], 0),
            (b"abc", 3),
            ("ä".as_bytes(), 2),
            (b"a\xc3", 1),
            (b"a\xe2\x82", 1),
            (b"\xf0\x9f\x92", 0),
            ("💥".as_bytes(), 4),
            // These can become no character.
            (b"a\xff", 2),
            (b"\x80\x80\x80", 3),
            (b"\xe2a", 2),
            (b"\xc0", 1),
        ] {
            assert_eq!(whole_characters(bytes), whole, "{bytes:?}");
        }
    }

    #[test]
    fn a_sequence_is_not_split() {
        for (bytes, whole) in [
            (&b"plain"[..], 5),
            (b"a\x1b", 1),
            (b"a\x1b[", 1),
            (b"a\x1b[1;2", 1),
            (b"a\x1b[1;2m", 7),
            (b"a\x1b[1;2mb\x1b[?25", 8),
            (b"a\x1b]0;title", 1),
            (b"a\x1b]0;title\x07", 11),
            (b"a\x1b]0;title\x1b", 1),
            (b"a\x1b]0;title\x1b\\", 12),
            (b"a\x1bP1q", 1),
            (b"a\x1b(", 1),
            (b"a\x1b(B", 4),
            (b"a\x1b7\x1b", 3),
            (b"a\x1bcb", 4),
            (b"a\x1b[1\xc3", 1),
        ] {
            assert_eq!(whole_sequences(bytes), whole, "{:?}", String::from_utf8_lossy(bytes));
        }
        let endless = [&b"\x1b]0;"[..], &[b'x'; 2 * MAX_SEQUENCE_LEN]].concat();
        assert_eq!(whole_sequences(&endless), endless.len());
    }

    #[test]
    fn as_many_characters_are_decoded_as_are_wanted() {
        let bytes = b"a\xc3\xa4\xffz\xe2\x82";
        for (max, text, taken) in [
            (0, "", 0),
            (1, "a", 1),
            (2, "aä", 3),
            (3, "aä\u{fffd}", 4),
            (9, "aä\u{fffd}z\u{fffd}", 7),
        ] {
            assert_eq!(decode(bytes, max), (text.to_owned(), taken), "{max}");
        }
    }

    proptest! {
        #[test]
        fn pieces_decode_as_the_whole_does(bytes in vec(any::<u8>(), 0..200), max in 1usize..9) {
            let (mut text, mut at) = (String::new(), 0);
            while at < bytes.len() {
                let (piece, taken) = decode(&bytes[at..], max);
                prop_assert!(taken > 0 && piece.chars().count() <= max);
                text.push_str(&piece);
                at += taken;
            }
            prop_assert_eq!(text, String::from_utf8_lossy(&bytes));
        }

        #[test]
        fn a_cut_is_within_the_bytes(
            bytes in vec(
                prop_oneof![Just(ESC), Just(b'['), Just(b']'), Just(7), any::<u8>()],
                0..50,
            ),
        ) {
            prop_assert!(whole_sequences(&bytes) <= whole_characters(&bytes));
            prop_assert!(bytes.len() - whole_characters(&bytes) <= 3);
        }
    }
}
