//! Variables of a command: what they may be called, and how long they may be.

use crate::Secret;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A variable of a command: its name and its value, which `Debug` leaves out.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variable(pub String, pub Secret);

impl Variable {
    /// The variable `name` with this value.
    #[must_use]
    pub fn new(name: impl Into<String>, value: impl Into<Secret>) -> Self {
        Self(name.into(), value.into())
    }
}

impl fmt::Debug for Variable {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}=[...]", self.0)
    }
}

/// What the agent puts before the name of a variable for its copy: a login shell's profile may set
/// the variable itself to something else, so that the shell sets it again, from the copy.
pub const COPY_PREFIX: &str = "_PYRO_";

/// The variable that names those that a login shell sets again, with blanks between them.
pub const CHOSEN: &str = "__PYRO_CHOSEN";

/// What the agent puts before a line when variables are chosen, on its first line, whose number
/// thus stays: sets them again from their copies. A name is an identifier, and no value is ever
/// read as shell. One that the profile has made read-only stays as it is.
pub const PRELUDE: &str = r#"for __PYRO_ONE in $__PYRO_CHOSEN; do command eval "export $__PYRO_ONE=\"\$_PYRO_$__PYRO_ONE\"" 2>/dev/null || :; unset "_PYRO_$__PYRO_ONE"; done; unset __PYRO_CHOSEN __PYRO_ONE; "#;

/// Longest `NAME=VALUE`, in bytes: Linux hands 131,071 to a program, and the copy's must fit.
pub const MAX_VARIABLE_LEN: usize = 131_071 - COPY_PREFIX.len();

/// Whether it is a name that every shell keeps: ASCII letters, digits and `_`, no digit first.
#[must_use]
pub fn is_variable_name(name: &str) -> bool {
    let is_word = |byte: u8| byte == b'_' || byte.is_ascii_alphanumeric();
    name.bytes().all(is_word) && name.bytes().next().is_some_and(|first| !first.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::{Variable, is_variable_name};

    #[test]
    fn a_value_is_sent_and_not_shown() {
        let variable = Variable::new("TOKEN", "s3cret");
        assert_eq!(format!("{variable:?}"), "TOKEN=[...]");
        let mut sent = Vec::new();
        ciborium::into_writer(&variable, &mut sent).unwrap();
        let received: (String, String) = ciborium::from_reader(sent.as_slice()).unwrap();
        assert_eq!(received, ("TOKEN".to_owned(), "s3cret".to_owned()));
        assert_eq!(ciborium::from_reader::<Variable, _>(sent.as_slice()).unwrap(), variable);
    }

    #[test]
    fn names_are_identifiers() {
        assert!(["A", "_", "_1", "a9_Z"].into_iter().all(is_variable_name));
        assert!(
            !["", "1", "1A", "my-var", "A B", "A=", "ä", "A\0", "$(x)", "A\n"]
                .into_iter()
                .any(is_variable_name)
        );
    }
}
