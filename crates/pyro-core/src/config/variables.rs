//! `Variables`: environment variables as values of the kind that a setting needs.

use super::error::ConfigError;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// What answers for the process's environment. A variable that is empty is not set.
pub(super) struct Variables<F>(pub(super) F);

impl<F: Fn(&str) -> Option<OsString>> Variables<F> {
    /// A variable as it is.
    pub(super) fn set(&self, name: &str) -> Option<OsString> {
        self.0(name).filter(|value| !value.is_empty())
    }

    /// A variable as `parse` understands it; `expected` names what that is.
    pub(super) fn parsed<T>(
        &self,
        name: &'static str,
        expected: &'static str,
        parse: impl FnOnce(&OsStr) -> Option<T>,
    ) -> Result<Option<T>, ConfigError> {
        let Some(value) = self.set(name) else { return Ok(None) };
        let invalid = || {
            let value = value.to_string_lossy().into_owned();
            ConfigError::Invalid { name, value, expected }
        };
        parse(&value).map(Some).ok_or_else(invalid)
    }

    /// A path, which must be absolute.
    pub(super) fn path(&self, name: &'static str) -> Result<Option<PathBuf>, ConfigError> {
        self.parsed(name, "an absolute path", |value| {
            Some(PathBuf::from(value)).filter(|path| path.is_absolute())
        })
    }

    /// A path, or else one below the home.
    pub(super) fn path_or_under_home(
        &self,
        name: &'static str,
        default: &str,
    ) -> Result<PathBuf, ConfigError> {
        match self.path(name)? {
            Some(path) => Ok(path),
            None => Ok(self.path("HOME")?.ok_or(ConfigError::NoHome)?.join(default)),
        }
    }
}
