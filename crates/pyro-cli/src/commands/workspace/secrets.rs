//! Secrets of a workspace, from what the command line says of them.

use super::super::runtime::on_host;
use crate::cli::secret::{Hidden, SecretEnv, Secrets};
use pyro_core::{ExecOptions, GivenSecret, PyroError, SecretSource};
use std::path::Path;

/// The secrets of a new workspace.
pub(super) fn given(secrets: &Secrets) -> Result<Vec<GivenSecret>, PyroError> {
    let mut given = Vec::new();
    for one in &secrets.secret {
        let (name, value) = GivenSecret::split(one.text())?;
        given.push(GivenSecret::new(name, value, SecretSource::Literal)?);
    }
    for one in &secrets.secret_file {
        let (name, path) = GivenSecret::split(one.text())?;
        given.push(GivenSecret::from_file(name, on_host(Path::new(path)))?);
    }
    for one in &secrets.secret_from_env {
        let (name, variable) = named(one);
        let variable = variable.unwrap_or(name);
        given.push(GivenSecret::from_variable(name, variable, std::env::var_os(variable))?);
    }
    Ok(given)
}

/// The same with the secrets that a process is given.
pub(super) fn with_secrets(
    options: ExecOptions,
    secrets: &SecretEnv,
) -> Result<ExecOptions, PyroError> {
    Ok(options.with_secret_env(secrets.secret_env.iter().map(named))?)
}

/// A name, and another one for it where that is given.
fn named(given: &Hidden) -> (&str, Option<&str>) {
    match given.text().split_once('=') {
        Some((name, other)) => (name, Some(other)),
        None => (given.text(), None),
    }
}
