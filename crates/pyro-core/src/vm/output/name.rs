//! Names of outputs that were kept.

use crate::id::Id;
use serde::{Deserialize, Serialize};

/// Name of a kept output: an id of its own and the stream, such as `0123456789ab-stdout`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OutputName(String);

/// Text that is not the name of an output.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("an output's name is that of a result, such as 0123456789ab-stdout")]
pub struct OutputNameError;

impl OutputName {
    /// Of `stream` under an id of its own.
    pub(super) fn new(id: Id, stream: &str) -> Self {
        Self(format!("{id}-{stream}"))
    }

    /// Parse an id, a hyphen, and `stdout` or `stderr`.
    ///
    /// # Errors
    /// [`OutputNameError`] for anything else.
    pub fn parse(text: &str) -> Result<Self, OutputNameError> {
        match text.split_once('-') {
            Some((id, "stdout" | "stderr")) if Id::parse(id).is_ok() => Ok(Self(text.to_owned())),
            _ => Err(OutputNameError),
        }
    }
}

impl std::fmt::Display for OutputName {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.0)
    }
}

impl TryFrom<String> for OutputName {
    type Error = OutputNameError;
    fn try_from(text: String) -> Result<Self, OutputNameError> {
        Self::parse(&text)
    }
}

impl From<OutputName> for String {
    fn from(name: OutputName) -> Self {
        name.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_nowhere_else() {
        assert!(OutputName::parse("0123456789ab-stdout").is_ok());
        for text in [
            "",
            "0123456789ab",
            "0123456789ab-",
            "../x-stdout",
            "0123456789ab-stdout/",
            "0123456789AB-stderr",
        ] {
            assert_eq!(OutputName::parse(text), Err(OutputNameError), "{text}");
        }
    }
}
