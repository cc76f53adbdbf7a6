//! Foreign bytes as text on one line, bounded, that cannot steer a terminal.

use std::fmt::Write;

/// At most `max` bytes of `bytes` as printable text: control characters are escaped, what is cut
/// ends in `…`.
#[must_use]
pub(crate) fn printable(bytes: &[u8], max: usize) -> String {
    let shown = &bytes[..bytes.len().min(max)];
    let mut text = String::with_capacity(shown.len());
    for char in String::from_utf8_lossy(shown).chars() {
        match char {
            '\t' => text.push_str("\\t"),
            '\r' => text.push_str("\\r"),
            '\n' => text.push_str("\\n"),
            char if char.is_control() || is_direction(char) => {
                // Writing to a string cannot fail.
                let _ = write!(text, "\\u{{{:x}}}", u32::from(char));
            }
            char => text.push(char),
        }
    }
    if shown.len() < bytes.len() {
        text.push('…');
    }
    text
}

/// Marks that turn the direction of writing, which make a line look like another one.
fn is_direction(char: char) -> bool {
    matches!(char, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn nothing_steers_a_terminal() {
        assert_eq!(printable(b"a\x1b[31m\r\n\xff", 99), "a\\u{1b}[31m\\r\\n\u{fffd}");
        assert_eq!(printable("x\u{202e}y".as_bytes(), 99), "x\\u{202e}y");
        assert_eq!(printable(b"abcdef", 3), "abc…");
    }
}
