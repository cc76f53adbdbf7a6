//! Secrets of workspaces, from what the package says of them.

use crate::failure::Failure;
use pyro_core::{ErrorKind, ExecOptions, GivenSecret, PyroError, SecretSource};
use std::path::PathBuf;

/// A secret's name, and its value or the file that holds it.
pub(crate) type Told = (String, Option<String>, Option<PathBuf>);

/// Secrets of workspaces by name, and the variables that they are given as.
pub(crate) type Variables = Vec<(String, String)>;

/// The secrets of a new workspace. Their files are read on a thread that may wait for one.
pub(crate) async fn given(told: Vec<Told>) -> Result<Vec<GivenSecret>, Failure> {
    let read = || told.into_iter().map(secret).collect::<Result<_, _>>();
    let ended = tokio::task::spawn_blocking(read).await;
    let broken = |_| Failure::new(ErrorKind::Internal, "reading the secrets broke off", "");
    Ok(ended.map_err(broken)??)
}

fn secret((name, value, path): Told) -> Result<GivenSecret, PyroError> {
    Ok(match path {
        Some(path) => GivenSecret::from_file(&name, path),
        None => GivenSecret::new(&name, value.unwrap_or_default(), SecretSource::Literal),
    }?)
}

/// The same with the secrets that a process is given.
pub(crate) fn with_secrets(
    options: ExecOptions,
    secrets: &Variables,
) -> Result<ExecOptions, PyroError> {
    let secrets = secrets.iter().map(|(name, variable)| (name.as_str(), Some(variable.as_str())));
    Ok(options.with_secret_env(secrets)?)
}
