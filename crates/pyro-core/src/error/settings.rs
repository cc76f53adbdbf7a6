//! The failures of settings, records, names and numbers, judged.

use super::call::Call;
use super::common::{doctor, room};
use super::{ErrorKind, Hint, OperationId, Parameter, PyroError};
use crate::config::ConfigError;
use crate::id::IdError;
use crate::store::StoreError;
use crate::vm::exec::line::OptionError;
use crate::vm::output::name::OutputNameError;
use crate::vm::shape::OutOfRange;

impl From<ConfigError> for PyroError {
    fn from(error: ConfigError) -> Self {
        let hint = match &error {
            ConfigError::NoHome => {
                Hint::say("export HOME, or PYRO_DATA_DIR and PYRO_ENVIRONMENT_CACHE_DIR")
            }
            ConfigError::Invalid { name, expected, .. } => {
                Hint::say(format!("unset {name}, or set it to {expected}"))
            }
        };
        Self::judged(ErrorKind::InvalidInput, error, vec![hint])
    }
}

impl From<StoreError> for PyroError {
    fn from(error: StoreError) -> Self {
        let (kind, hints) = match error {
            StoreError::Newer { .. } => {
                (ErrorKind::Unsupported, vec![Hint::say("install the newer pyro")])
            }
            StoreError::Directory(error) if error.is_full() => {
                return Self::judged(ErrorKind::Io, error, room());
            }
            StoreError::Directory(_) => (
                ErrorKind::Io,
                vec![Hint::say(
                    "point PYRO_DATA_DIR to a directory of your own that you can write to",
                )],
            ),
            StoreError::Broken { noun: "workspace", id, .. } => {
                let delete =
                    Call::to(OperationId::WorkspaceDelete).with(Parameter::WorkspaceId, id);
                (ErrorKind::Corrupt, vec![Hint::call("", delete)])
            }
            StoreError::Broken { .. } => (
                ErrorKind::Corrupt,
                vec![Hint::say("try again: the broken record is cleared away")],
            ),
            ref error if error.is_full() => (ErrorKind::Io, room()),
            StoreError::Sql(_) => (ErrorKind::Io, vec![doctor("")]),
        };
        Self::judged(kind, error, hints)
    }
}

impl From<IdError> for PyroError {
    fn from(error: IdError) -> Self {
        let hint = Hint::say("take the id from the result that created it");
        Self::judged(ErrorKind::InvalidInput, error, vec![hint])
    }
}

impl From<OutputNameError> for PyroError {
    fn from(error: OutputNameError) -> Self {
        let hint = Hint::say("take stdout_file or stderr_file from the result");
        Self::judged(ErrorKind::InvalidInput, error, vec![hint])
    }
}

impl From<OutOfRange> for PyroError {
    fn from(error: OutOfRange) -> Self {
        let after = format!(" to {}", error.expected);
        let hint = match Parameter::named(error.name) {
            Some(parameter) => Hint::parameter("set", parameter, after),
            None => Hint::say(format!("set {}{after}", error.name)),
        };
        Self::judged(ErrorKind::InvalidInput, error, vec![hint])
    }
}

impl From<OptionError> for PyroError {
    fn from(error: OptionError) -> Self {
        let hint = match error {
            OptionError::Cwd(_) => {
                "give it absolute, in a workspace also below /workspace, without '..'"
            }
            OptionError::VariableName { .. } => {
                "give a name and a value, as in MY_VAR=1; a shell drops what is called otherwise"
            }
            OptionError::SecretName { .. } => {
                "take a name that the workspace was created with, as in TOKEN"
            }
            OptionError::VariableValue { .. } => "leave it out: no program can be given one",
            OptionError::LongVariable { .. } | OptionError::Variables(_) => {
                "put what is long into a file, or hand it on through stdin"
            }
            OptionError::Shell { .. } => {
                "use one of these, or leave it out for the user's login shell"
            }
            OptionError::User(_) => {
                "give a name or a number, and a group behind a colon, as in www-data or 1000:1000"
            }
        };
        Self::judged(ErrorKind::InvalidInput, error, vec![Hint::say(hint)])
    }
}
