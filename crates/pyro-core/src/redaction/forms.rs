//! The forms in which a value is looked for.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

/// Bytes without blanks that a value has at least: a shorter one would be found everywhere.
pub const MIN_VALUE_LEN: usize = 4;

/// A form of a value, without its blanks.
pub(super) type Form = Zeroizing<Vec<u8>>;

/// Whether it is a byte that formatting adds and removes.
pub(super) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// The first byte of a text with escapes undone, and how many bytes it takes there; none of an
/// empty text.
pub(super) fn unescaped(bytes: &[u8]) -> Option<(u8, usize)> {
    match bytes {
        [b'%', first, second, ..] if first.is_ascii_hexdigit() && second.is_ascii_hexdigit() => {
            Some((16 * digit(*first) + digit(*second), 3))
        }
        [byte, ..] => Some((*byte, 1)),
        [] => None,
    }
}

/// What a hexadecimal digit stands for.
pub(super) fn digit(byte: u8) -> u8 {
    match byte {
        b'0'..=b'9' => byte - b'0',
        b'a'..=b'f' => byte - b'a' + 10,
        _ => byte.wrapping_sub(b'A').wrapping_add(10),
    }
}

/// Bytes of a value that are no blanks.
#[must_use]
pub fn significant_len(value: &str) -> usize {
    value.bytes().filter(|byte| !is_blank(*byte)).count()
}

/// All forms of a value, each once. Escapes of URLs are undone in what is searched.
pub(super) fn forms(value: &str) -> Vec<Form> {
    let mut forms: Vec<Form> = vec![dense(value.as_bytes())];
    // Forms of the web write a blank as a plus sign.
    forms.push(dense(Zeroizing::new(value.replace(' ', "+")).as_bytes()));
    if let Ok(json) = serde_json::to_string(value).map(Zeroizing::new) {
        forms.push(dense(&json.as_bytes()[1..json.len() - 1]));
    }
    // Whoever encodes a value may have trimmed it.
    let value = value.trim_matches(|one: char| one.is_ascii() && is_blank(one as u8));
    for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
        forms.extend((0..3).map(|before| base64_of(value, before, &engine)));
    }
    forms.retain(|form| form.len() >= MIN_VALUE_LEN);
    forms.sort_by(|one, other| one.as_slice().cmp(other.as_slice()));
    forms.dedup();
    forms
}

fn dense(bytes: &[u8]) -> Form {
    Zeroizing::new(bytes.iter().copied().filter(|byte| !is_blank(*byte)).collect())
}

/// What of the base64 of a text depends on the value alone, which begins `before` bytes after a
/// group of three.
fn base64_of(value: &str, before: usize, engine: &impl Engine) -> Form {
    let mut text = Zeroizing::new(vec![0; before]);
    text.extend_from_slice(value.as_bytes());
    let encoded = Zeroizing::new(engine.encode(text.as_slice()));
    // 8 bits before the value reach into the second character, 16 into the third.
    let first = [0, 2, 3][before];
    let last = text.len() * 8 / 6;
    Zeroizing::new(encoded.as_bytes()[first..last].to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_found_wherever_the_value_stands() {
        for before in 0..6 {
            for after in 0..4 {
                let text = format!(
                    "{}s3cret value{}",
                    "ab{}|}"[..before].to_owned(),
                    "x\0?>"[..after].to_owned()
                );
                for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
                    let encoded = engine.encode(&text);
                    let found = forms("s3cret value").into_iter().any(|form| {
                        encoded.as_bytes().windows(form.len()).any(|part| part == form.as_slice())
                    });
                    assert!(found, "{before} {after} {encoded}");
                }
            }
        }
    }

    #[test]
    fn blanks_do_not_count() {
        assert_eq!(significant_len(" a\tb\r\nc "), 3);
        assert!(forms("a b\ncd").iter().any(|form| form.as_slice() == b"YSBiCmNk"));
        assert!(forms("a b\ncd").iter().any(|form| form.as_slice() == b"abcd"));
    }
}
