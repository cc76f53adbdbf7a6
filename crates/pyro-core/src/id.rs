//! Identifiers: 12 lowercase hex digits, parsed at the door and only then joined to a path.

use serde::{Deserialize, Serialize};

/// The id of a vm or a workspace: 12 lowercase hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Id([u8; 6]);

/// Text that is not an id.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("id must be 12 lowercase hex digits")]
pub struct IdError;

impl Id {
    /// A new random id.
    ///
    /// # Errors
    /// When the host's random generator fails.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 6];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// Parse exactly 12 lowercase hex digits.
    ///
    /// # Errors
    /// [`IdError`] for anything else.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let mut bytes = [0; 6];
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(IdError);
        }
        hex::decode_to_slice(text, &mut bytes).map_err(|_| IdError)?;
        Ok(Self(bytes))
    }
}

impl std::fmt::Display for Id {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&hex::encode(self.0))
    }
}

impl std::fmt::Debug for Id {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Id({self})")
    }
}

impl TryFrom<String> for Id {
    type Error = IdError;
    fn try_from(text: String) -> Result<Self, IdError> {
        Self::parse(&text)
    }
}

impl From<Id> for String {
    fn from(id: Id) -> Self {
        id.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_twelve_lowercase_hex_digits_are_an_id() {
        let id = Id::random().unwrap();
        assert_eq!(Id::parse(&id.to_string()), Ok(id));
        for text in [
            "",
            "../../x",
            "0123456789AB",
            "0123456789a",
            "0123456789abc",
            "0123456789ag",
            "éééééé",
        ] {
            assert_eq!(Id::parse(text), Err(IdError), "{text}");
        }
    }
}
