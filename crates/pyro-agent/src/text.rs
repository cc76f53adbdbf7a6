//! Text of a bounded length.

/// Keep at most `len` bytes, cut before a character that goes beyond.
pub(crate) fn cut(text: &mut String, len: usize) {
    let end = (0..=len.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    text.truncate(end.unwrap_or(0));
}
