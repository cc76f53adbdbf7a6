//! Base85 lines of git's binary patches: a letter for the length, then five digits for every four
//! bytes.

/// Most bytes that one line carries.
pub(crate) const LINE_BYTES: usize = 52;

const ALPHABET: &[u8; 85] =
    b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~";

const DIGITS: [u8; 256] = {
    let mut digits = [u8::MAX; 256];
    let mut digit = 0;
    while digit < 85 {
        digits[ALPHABET[digit] as usize] = digit as u8;
        digit += 1;
    }
    digits
};

/// Append `bytes` as lines, each with its length and its newline.
pub(crate) fn encode(bytes: &[u8], text: &mut String) {
    for line in bytes.chunks(LINE_BYTES) {
        // At most 52, so the cast holds.
        let length = line.len() as u8;
        text.push(char::from(if length <= 26 { b'A' + length - 1 } else { b'a' + length - 27 }));
        for group in line.chunks(4) {
            let mut padded = [0; 4];
            padded[..group.len()].copy_from_slice(group);
            let mut value = u32::from_be_bytes(padded);
            let mut digits = [0; 5];
            for digit in digits.iter_mut().rev() {
                *digit = ALPHABET[(value % 85) as usize];
                value /= 85;
            }
            text.extend(digits.map(char::from));
        }
        text.push('\n');
    }
}

/// Append what one line carries, newline not included; none when it is not such a line.
#[must_use]
pub(crate) fn decode_line(line: &[u8], bytes: &mut Vec<u8>) -> Option<()> {
    let (first, digits) = line.split_first()?;
    let length = match first {
        b'A'..=b'Z' => usize::from(first - b'A') + 1,
        b'a'..=b'z' => usize::from(first - b'a') + 27,
        _ => return None,
    };
    if digits.len() != length.div_ceil(4) * 5 {
        return None;
    }
    let end = bytes.len() + length;
    for group in digits.chunks(5) {
        let mut value: u32 = 0;
        for digit in group {
            let digit = DIGITS[usize::from(*digit)];
            if digit == u8::MAX {
                return None;
            }
            value = value.checked_mul(85)?.checked_add(u32::from(digit))?;
        }
        bytes.extend(value.to_be_bytes());
    }
    bytes.truncate(end);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::{decode_line, encode};
    use proptest::prelude::*;

    #[test]
    fn lines_that_are_not_base85_are_refused() {
        // Empty, no length, too short, too long, a foreign digit, a value above 32 bits.
        for line in [&b""[..], b"!00000", b"D0000", b"D000000", b"D0000\"", b"D~~~~~"] {
            assert_eq!(decode_line(line, &mut Vec::new()), None, "{line:?}");
        }
    }

    proptest! {
        #[test]
        fn lines_turn_back(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let (mut text, mut back) = (String::new(), Vec::new());
            encode(&bytes, &mut text);
            for line in text.lines() {
                decode_line(line.as_bytes(), &mut back).unwrap();
            }
            prop_assert_eq!(back, bytes);
        }
    }
}
