//! Variables of a command: what they may be called, and how long they may be.

/// What the agent puts before the name of a variable for its copy: a login shell's profile may set the variable itself to something else,
/// so that the shell sets it again, from the copy.
pub const COPY_PREFIX: &str = "_PYRO_";

/// The variable that names those that a login shell sets again, with blanks between them.
pub const CHOSEN: &str = "__PYRO_CHOSEN";

/// What the agent puts before a line when variables are chosen, on its first line, whose number thus stays: sets them again from
/// their copies. A name is an identifier, and no value is ever read as shell. One that the profile has made read-only stays as it is.
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
    use super::is_variable_name;

    #[test]
    fn names_are_identifiers() {
        assert!(["A", "_", "_1", "a9_Z"].into_iter().all(is_variable_name));
        assert!(!["", "1", "1A", "my-var", "A B", "A=", "ä", "A\0", "$(x)", "A\n"].into_iter().any(is_variable_name));
    }
}
