//! Marked lines: whose words they are stands before each, so that no text passes for another's.

use crate::printer;
use std::borrow::Cow;

/// Characters of a text that are shown.
const SHOWN: usize = 4096;

/// Print a text of somebody's, as far as anybody reads it.
pub(super) fn say(mark: &str, text: &str) {
    say_all(mark, &cut(text.trim(), SHOWN));
}

/// As [`say`], the whole text.
pub(super) fn say_all(mark: &str, text: &str) {
    printer::data(&marked(mark, text));
}

fn marked(mark: &str, text: &str) -> String {
    let lines: Vec<String> = text.split('\n').map(|line| format!("{mark}{line}")).collect();
    lines.join("\n")
}

/// The first `length` characters, and how many more there are.
pub(super) fn cut(text: &str, length: usize) -> Cow<'_, str> {
    match text.char_indices().nth(length) {
        Some((at, _)) => {
            format!("{}… ({} more characters)", &text[..at], text[at..].chars().count()).into()
        }
        None => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_marked() {
        assert_eq!(
            marked("[model] ", "a\n[summary] b\n"),
            "[model] a\n[model] [summary] b\n[model] "
        );
        assert_eq!(marked("[summary] stdout=", ""), "[summary] stdout=");
    }

    #[test]
    fn a_long_text_is_cut() {
        assert_eq!(cut("äöü", 3), "äöü");
        assert_eq!(cut("äöüß", 3), "äöü… (1 more characters)");
    }
}
