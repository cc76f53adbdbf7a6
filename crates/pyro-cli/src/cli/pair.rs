//! Value parsers of what is split at its first `=`.

/// `KEY=VALUE`, split at the first `=`.
pub(super) fn setting(text: &str) -> Result<(String, String), &'static str> {
    split(text).ok_or("it must be KEY=VALUE")
}

/// `NAME=VALUE`, split at the first `=`.
pub(super) fn variable(text: &str) -> Result<(String, String), &'static str> {
    split(text).ok_or("it must be NAME=VALUE")
}

fn split(text: &str) -> Option<(String, String)> {
    let (name, value) = text.split_once('=').filter(|(name, _)| !name.is_empty())?;
    Some((name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_split_at_its_first_equals_sign_is_told_by_its_own_name() {
        assert_eq!(setting("a=b=c"), Ok(("a".to_owned(), "b=c".to_owned())));
        assert_eq!(variable("A="), Ok(("A".to_owned(), String::new())));
        for wrong in ["a", "=b", ""] {
            assert_eq!(setting(wrong), Err("it must be KEY=VALUE"));
            assert_eq!(variable(wrong), Err("it must be NAME=VALUE"));
        }
    }
}
