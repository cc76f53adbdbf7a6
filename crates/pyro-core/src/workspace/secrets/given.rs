//! Secrets as a caller gives them, checked.

use crate::host::path::HostPath;
use crate::redaction::{MIN_VALUE_LEN, significant_len};
use crate::vm::exec::line::is_secret_name;
use crate::vm::secrets::{KeptSecret, MAX_VALUES_LEN, SecretSource};
use crate::workspace::secret_error::{MAX_VALUE_LEN, SecretError};
use pyro_protocol::Secret;
use std::ffi::OsString;

/// A secret for a new workspace, checked. It has no `Debug` that shows its value.
#[derive(Clone, PartialEq, Eq)]
pub struct GivenSecret(pub(super) KeptSecret);

impl std::fmt::Debug for GivenSecret {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(out)
    }
}

impl GivenSecret {
    /// The secret `name` with a value that the caller has.
    ///
    /// # Errors
    /// [`SecretError`], which names it.
    pub fn new(
        name: &str,
        value: impl Into<Secret>,
        source_kind: SecretSource,
    ) -> Result<Self, SecretError> {
        let value = value.into();
        let name = checked_name(name)?;
        match value.expose() {
            "" => Err(SecretError::Empty { name }),
            text if text.contains('\0') => Err(SecretError::NoText { name }),
            text if text.len() > MAX_VALUE_LEN => Err(SecretError::Long { name, len: text.len() }),
            text if significant_len(text) < MIN_VALUE_LEN => Err(SecretError::Short { name }),
            _ => Ok(Self(KeptSecret { name, source_kind, value })),
        }
    }

    /// A name, and what stands behind the first `=` after it.
    ///
    /// # Errors
    /// [`SecretError::NoValue`].
    pub fn split(text: &str) -> Result<(&str, &str), SecretError> {
        text.split_once('=').ok_or(SecretError::NoValue)
    }

    /// The secret `name` with the content of a file, as it is.
    ///
    /// # Errors
    /// As [`GivenSecret::new`]; [`SecretError::File`].
    pub fn from_file(name: &str, path: impl Into<HostPath>) -> Result<Self, SecretError> {
        let (name, path) = (checked_name(name)?, path.into());
        let bytes = match path.read(MAX_VALUE_LEN as u64) {
            Ok(bytes) => bytes,
            Err(source) => {
                let path = path.as_path().to_owned();
                return Err(SecretError::File { name, path, source });
            }
        };
        match String::from_utf8(bytes) {
            Ok(text) => Self::new(&name, text, SecretSource::File),
            Err(error) => {
                drop(zeroize::Zeroizing::new(error.into_bytes()));
                Err(SecretError::NoText { name })
            }
        }
    }

    /// The secret `name` with the value of a variable of the caller's.
    ///
    /// # Errors
    /// As [`GivenSecret::new`]; [`SecretError::NoVariable`].
    pub fn from_variable(
        name: &str,
        variable: &str,
        value: Option<OsString>,
    ) -> Result<Self, SecretError> {
        let name = checked_name(name)?;
        let unset = || SecretError::NoVariable {
            name: name.clone(),
            variable: variable.chars().take(64).collect(),
        };
        match value.ok_or_else(unset)?.into_string() {
            Ok(value) => Self::new(&name, value, SecretSource::Variable),
            Err(_) => Err(SecretError::NoText { name }),
        }
    }
}

/// Secrets that one workspace can have together.
pub(crate) fn checked(secrets: &[GivenSecret]) -> Result<(), SecretError> {
    for (at, GivenSecret(secret)) in secrets.iter().enumerate() {
        if secrets[..at].iter().any(|GivenSecret(before)| before.name == secret.name) {
            return Err(SecretError::Twice { name: secret.name.clone() });
        }
    }
    match secrets.iter().map(|GivenSecret(secret)| secret.value.expose().len()).sum() {
        len if len > MAX_VALUES_LEN => Err(SecretError::TooMany { len }),
        _ => Ok(()),
    }
}

fn checked_name(name: &str) -> Result<String, SecretError> {
    match is_secret_name(name) {
        true => Ok(name.to_owned()),
        false => Err(SecretError::Name { name: name.chars().take(65).collect() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(name: &str, value: &str) -> Result<GivenSecret, SecretError> {
        GivenSecret::new(name, value, SecretSource::Literal)
    }

    #[test]
    fn values_have_limits_and_errors_do_not_show_them() {
        let longest = "x".repeat(MAX_VALUE_LEN);
        for value in ["abcd", " a\nb c\td ", "--flag", &longest] {
            assert!(given("A", value).is_ok(), "{}", value.len());
        }
        let longer = longest.clone() + "y";
        for value in ["", "abc", " a b c ", "ab\0cd", &longer] {
            let told = given("A", value).unwrap_err().to_string();
            assert!(told.starts_with("secret A "), "{told}");
            assert!(value.trim().is_empty() || !told.contains(value), "{told}");
        }
        for name in ["", "1A", "A-B", "A=B", "ä", &"A".repeat(65)] {
            assert!(matches!(given(name, "value"), Err(SecretError::Name { .. })), "{name}");
        }
        assert!(given(&"A".repeat(64), "value").is_ok());
        let shown = format!("{:?}", given("A", "s3cret").unwrap());
        assert_eq!(shown, "A=[...]");
    }

    #[test]
    fn names_are_given_once_and_all_values_have_a_limit() {
        let secret = |name: &str, len: usize| given(name, &"x".repeat(len)).unwrap();
        assert!(checked(&[secret("A", 4), secret("B", 4)]).is_ok());
        let twice = checked(&[secret("A", 4), secret("A", 5)]).unwrap_err();
        assert!(matches!(twice, SecretError::Twice { .. }));
        let most: Vec<_> = ["A", "B", "C", "D"].map(|name| secret(name, MAX_VALUE_LEN)).into();
        assert!(checked(&most).is_ok());
        let more = [most, vec![secret("E", 4)]].concat();
        assert!(matches!(checked(&more), Err(SecretError::TooMany { .. })));
    }

    #[test]
    fn a_file_is_taken_as_it_is() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("token");
        crate::host::fs::write_new(&path, b"s3cret\n").unwrap();
        let GivenSecret(secret) = GivenSecret::from_file("A", path.clone()).unwrap();
        assert_eq!((secret.value.expose(), secret.source_kind), ("s3cret\n", SecretSource::File));
        crate::host::fs::write_new(&path, b"s3cret\xff").unwrap();
        let told = GivenSecret::from_file("A", path.clone()).unwrap_err();
        assert!(matches!(told, SecretError::NoText { .. }), "{told}");
        let gone = GivenSecret::from_file("A", path.join("none")).unwrap_err();
        assert!(matches!(gone, SecretError::File { .. }), "{gone}");
        let unset = GivenSecret::from_variable("A", "B", None).unwrap_err();
        assert_eq!(unset.to_string(), "secret A: variable B is not set");
    }
}
