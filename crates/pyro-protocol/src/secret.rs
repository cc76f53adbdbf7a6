//! Text that must not be shown.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// Text that must not reach logs, records or error messages. It has neither `Debug` nor `Display`,
/// and its memory is overwritten when it is dropped; copies that a caller makes of it are the
/// caller's concern.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// The text, to be handed to whoever it is meant for.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}
