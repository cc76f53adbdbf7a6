//! Names as git writes them: plain where they can be, in double quotes with C's escapes where they
//! cannot.

/// The escapes with a letter of their own.
const LETTERS: [(u8, u8); 9] = [
    (0x07, b'a'),
    (0x08, b'b'),
    (b'\t', b't'),
    (b'\n', b'n'),
    (0x0b, b'v'),
    (0x0c, b'f'),
    (b'\r', b'r'),
    (b'"', b'"'),
    (b'\\', b'\\'),
];

/// The name as git writes it with `core.quotePath`, its default: always ASCII.
#[must_use]
pub fn name(raw: &[u8]) -> String {
    let plain = raw.iter().all(|byte| matches!(byte, 0x20..=0x7e) && !matches!(byte, b'"' | b'\\'));
    if plain { raw.iter().map(|byte| char::from(*byte)).collect() } else { quoted(raw) }
}

/// The name in quotes, whatever it is.
#[must_use]
pub fn quoted(raw: &[u8]) -> String {
    let mut text = String::with_capacity(raw.len() + 2);
    text.push('"');
    for byte in raw {
        match (LETTERS.iter().find(|(plain, _)| plain == byte), byte) {
            (Some((_, letter)), _) => text.extend(['\\', char::from(*letter)]),
            (None, 0x20..=0x7e) => text.push(char::from(*byte)),
            (None, byte) => text.push_str(&format!("\\{byte:03o}")),
        }
    }
    text.push('"');
    text
}

/// Bytes as text for results: as they are where they are UTF-8, in quotes where they are not.
#[must_use]
pub fn text(raw: &[u8]) -> String {
    std::str::from_utf8(raw).map_or_else(|_| quoted(raw), str::to_owned)
}

/// Read a quoted name at the start of `raw`; what follows it is returned too. None when it is not
/// one.
#[must_use]
pub fn unquote(raw: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut rest = raw.strip_prefix(b"\"")?;
    let mut found = Vec::new();
    loop {
        match rest {
            [b'"', after @ ..] => return Some((found, after)),
            [b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..] => {
                found.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                rest = after;
            }
            [b'\\', letter, after @ ..] => {
                found.push(LETTERS.iter().find(|(_, known)| known == letter)?.0);
                rest = after;
            }
            [byte, after @ ..] => {
                found.push(*byte);
                rest = after;
            }
            [] => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{name, text, unquote};
    use proptest::prelude::*;

    #[test]
    fn names_are_quoted_as_git_quotes_them() {
        for (raw, quoted) in [
            (&b"plain name"[..], "plain name"),
            (b"ta\tb", r#""ta\tb""#),
            (b"n\nl", r#""n\nl""#),
            (b"q\"b\\", r#""q\"b\\""#),
            ("é".as_bytes(), r#""\303\251""#),
            (b"\x7f\x01", r#""\177\001""#),
        ] {
            assert_eq!(name(raw), quoted);
        }
    }

    #[test]
    fn only_what_is_no_text_is_quoted_for_results() {
        assert_eq!(text("a b\té".as_bytes()), "a b\té");
        assert_eq!(text(b"a\xff"), r#""a\377""#);
    }

    #[test]
    fn what_is_not_a_quoted_name_is_none() {
        for raw in [&b"plain"[..], b"\"open", b"\"\\q\"", b"\"\\4\"", b"\"\\12\"", b"\"\\"] {
            assert_eq!(unquote(raw), None, "{raw:?}");
        }
    }

    proptest! {
        #[test]
        fn quoting_turns_back(raw: Vec<u8>, tail in "[ -~]*") {
            let text = super::quoted(&raw) + &tail;
            prop_assert_eq!(unquote(text.as_bytes()), Some((raw, tail.as_bytes())));
        }
    }
}
