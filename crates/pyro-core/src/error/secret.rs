//! The failures of secrets, judged.

use super::{ErrorKind, Hint, Parameter, PyroError};
use crate::host::path::HostPathError;
use crate::workspace::secret_error::SecretError;

impl From<SecretError> for PyroError {
    fn from(error: SecretError) -> Self {
        let (kind, hint) = match &error {
            SecretError::Name { .. } => (ErrorKind::InvalidInput, "name it as in API_TOKEN"),
            SecretError::NoValue => {
                (ErrorKind::InvalidInput, "give a name, an equals sign and what it is")
            }
            SecretError::Twice { .. } => (ErrorKind::InvalidInput, "give each name once"),
            SecretError::Empty { .. } => {
                (ErrorKind::InvalidInput, "give its value, or leave it out")
            }
            SecretError::Short { .. } => (
                ErrorKind::InvalidInput,
                "give what need not be hidden as an ordinary variable of each command",
            ),
            SecretError::Long { .. } | SecretError::TooMany { .. } | SecretError::NoText { .. } => {
                (ErrorKind::InvalidInput, "put what is no short text into a file of the workspace")
            }
            SecretError::NoVariable { .. } => {
                (ErrorKind::InvalidInput, "export the variable, or name another one")
            }
            SecretError::File { source: HostPathError::Fs(source), .. }
                if source.is_not_found() =>
            {
                (ErrorKind::NotFound, "check the path on the host")
            }
            SecretError::File { .. } => (ErrorKind::Io, "check that the file can be read"),
            SecretError::Unknown { .. } => (
                ErrorKind::InvalidInput,
                "name one that it was created with; secrets are given at creation only",
            ),
            SecretError::OnHost => {
                let hint = Hint::parameter(
                    "leave the secrets out, or create it without",
                    Parameter::AllowHostCompat,
                    "",
                );
                return Self::judged(ErrorKind::Unsupported, error, vec![hint]);
            }
            SecretError::Broken => (ErrorKind::Corrupt, "create another workspace"),
        };
        Self::judged(kind, error, vec![Hint::say(hint)])
    }
}
