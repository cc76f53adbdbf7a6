//! Names and labels, parsed at the door.

use std::collections::BTreeMap;

/// Most characters of a name or a label's value.
const MAX_CHARS: usize = 120;

/// Most characters of a label's key.
const MAX_KEY: usize = 64;

/// Why a text is no name, key or value.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum LabelError {
    /// Of a name.
    #[error("a name has 1 to {MAX_CHARS} characters on one line")]
    Name,
    /// Of a label's key.
    #[error("the label key {key:?} must match [A-Za-z0-9][A-Za-z0-9._-]{{0,63}}")]
    Key {
        /// As given.
        key: String,
    },
    /// Of a label's value.
    #[error("the value of label {key} must have 1 to {MAX_CHARS} characters on one line")]
    Value {
        /// Its key.
        key: String,
    },
}

/// A workspace's name, without the blanks around it.
///
/// # Errors
/// [`LabelError::Name`].
pub fn name(text: &str) -> Result<String, LabelError> {
    one_line(text).ok_or(LabelError::Name)
}

/// Labels, values without the blanks around them.
///
/// # Errors
/// [`LabelError::Key`] and [`LabelError::Value`].
pub fn labels(given: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>, LabelError> {
    given.iter().map(|(key, value)| Ok((self::key(key)?, self::value(key, value)?))).collect()
}

/// A label's key.
///
/// # Errors
/// [`LabelError::Key`].
pub fn key(text: &str) -> Result<String, LabelError> {
    let is_first = |byte: &u8| byte.is_ascii_alphanumeric();
    let is_rest = |byte: &u8| is_first(byte) || matches!(byte, b'.' | b'_' | b'-');
    match text.as_bytes() {
        [first, rest @ ..]
            if is_first(first) && rest.len() < MAX_KEY && rest.iter().all(is_rest) =>
        {
            Ok(text.to_owned())
        }
        _ => Err(LabelError::Key { key: text.chars().take(MAX_KEY + 1).collect() }),
    }
}

fn value(key: &str, text: &str) -> Result<String, LabelError> {
    one_line(text).ok_or_else(|| LabelError::Value { key: key.to_owned() })
}

fn one_line(text: &str) -> Option<String> {
    let text = text.trim();
    let fits = (1..=MAX_CHARS).contains(&text.chars().count()) && !text.contains(char::is_control);
    fits.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_short_line() {
        assert_eq!(name("  a b "), Ok("a b".to_owned()));
        assert_eq!(name(&"ä".repeat(120)), Ok("ä".repeat(120)));
        for bad in ["", "  ", "a\nb", &"x".repeat(121), "a\u{1b}[31m"] {
            assert_eq!(name(bad), Err(LabelError::Name), "{bad:?}");
        }
    }

    #[test]
    fn keys_are_words_and_values_lines() {
        for good in ["a", "A.b_c-1", &"k".repeat(64)] {
            assert_eq!(key(good).as_deref(), Ok(good));
        }
        for bad in ["", ".a", "-a", "a b", "ä", &"k".repeat(65), "../../x"] {
            assert!(key(bad).is_err(), "{bad:?}");
        }
        let given = |value: &str| labels(&BTreeMap::from([("k".to_owned(), value.to_owned())]));
        assert_eq!(given(" v ").unwrap()["k"], "v");
        assert_eq!(given("a\rb"), Err(LabelError::Value { key: "k".to_owned() }));
    }
}
