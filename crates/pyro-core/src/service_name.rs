//! `ServiceName`: what a user calls a service, parsed at the door.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Most characters of a name.
const MAX_LEN: usize = 64;

/// The name of a service: 1 to 64 letters, digits, `.`, `_` and `-`, the first a letter or a digit;
/// so it can name a directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ServiceName(String);

/// A text is no name of a service.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the service name {text:?} must match [A-Za-z0-9][A-Za-z0-9._-]{{0,63}}{}",
    if *is_long { ": it has more than 64 characters" } else { "" }
)]
pub struct ServiceNameError {
    /// As given, as much of it as is shown.
    text: String,
    is_long: bool,
}

impl ServiceName {
    /// A name as given.
    ///
    /// # Errors
    /// `ServiceNameError`.
    pub fn parse(text: &str) -> Result<Self, ServiceNameError> {
        let is_first = |byte: &u8| byte.is_ascii_alphanumeric();
        let is_rest = |byte: &u8| is_first(byte) || matches!(byte, b'.' | b'_' | b'-');
        let is_long = text.chars().count() > MAX_LEN;
        match text.as_bytes() {
            [first, rest @ ..] if !is_long && is_first(first) && rest.iter().all(is_rest) => {
                Ok(Self(text.to_owned()))
            }
            _ => Err(ServiceNameError { text: text.chars().take(MAX_LEN).collect(), is_long }),
        }
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ServiceName {
    type Error = ServiceNameError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<ServiceName> for String {
    fn from(name: ServiceName) -> Self {
        name.0
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::ServiceName;

    #[test]
    fn a_name_can_name_a_directory() {
        for good in ["a", "web.1_x-y", "0", &"k".repeat(64)] {
            assert_eq!(ServiceName::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", ".", "..", "../x", "a/b", "-x", "a b", "ä", "a\0", "a\n"] {
            assert!(ServiceName::parse(bad).is_err(), "{bad:?}");
            assert!(serde_json::from_value::<ServiceName>(bad.into()).is_err(), "{bad:?}");
        }
        let long = ServiceName::parse(&"k".repeat(300)).unwrap_err().to_string();
        assert!(long.len() < 200 && long.ends_with("more than 64 characters"), "{long}");
    }
}
