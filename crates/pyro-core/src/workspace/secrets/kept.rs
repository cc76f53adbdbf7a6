//! Secrets as a workspace keeps them: in one file of the host that only its user may read.

use super::given::GivenSecret;
use crate::config::Config;
use crate::host::fs;
use crate::id::Id;
use crate::redaction::Redactor;
use crate::vm::exec::line::{ExecOptions, Variable};
use crate::workspace::error::WorkspaceError;
use crate::workspace::info::SecretInfo;
use crate::workspace::paths::directory;
use crate::workspace::secret_error::{MAX_VALUES_LEN, SecretError};
use std::path::PathBuf;
use zeroize::Zeroizing;

/// Most bytes of the file: JSON takes six for a character at most.
const MAX_FILE_LEN: u64 = 8 * MAX_VALUES_LEN as u64;

/// The secrets of one workspace.
#[derive(Debug)]
pub struct Secrets(Vec<GivenSecret>);

impl Secrets {
    /// Those of a workspace; most have none.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn of(config: &Config, id: Id) -> Result<Self, WorkspaceError> {
        let bytes = match fs::read_bounded(&file(config, id), MAX_FILE_LEN) {
            Ok(bytes) => Zeroizing::new(bytes),
            Err(error) if error.is_not_found() => return Ok(Self(Vec::new())),
            Err(error) => return Err(error.into()),
        };
        // The cause could show a part of it.
        let secrets = serde_json::from_slice(&bytes).map_err(|_| SecretError::Broken)?;
        Ok(Self(secrets))
    }

    /// All variables of a process: those that its caller chose, and the secrets that it is given.
    ///
    /// # Errors
    /// [`SecretError::Unknown`]; when they are too long together.
    pub fn variables(&self, options: &ExecOptions) -> Result<Vec<Variable>, WorkspaceError> {
        let mut variables = options.env.clone();
        for (name, variable) in &options.secret_env {
            let Some(secret) = self.0.iter().find(|secret| secret.name == *name) else {
                let known = self.0.iter().map(|secret| secret.name.clone()).collect();
                return Err(SecretError::Unknown { name: name.clone(), known }.into());
            };
            variables.retain(|Variable(one, _)| one != variable);
            variables.push(Variable::new(variable.clone(), secret.value.clone()));
        }
        Ok(ExecOptions::parse(None, variables, None)?.env)
    }

    /// All values by their names, for whoever keeps them out of what it tells.
    #[must_use]
    pub fn values(&self) -> Vec<Variable> {
        self.0.iter().map(|one| Variable::new(one.name.clone(), one.value.clone())).collect()
    }

    /// What keeps all values out of texts; none where there are none.
    ///
    /// # Errors
    /// Never for what [`super::GivenSecret`] lets through.
    pub fn redactor(&self) -> Result<Option<Redactor>, WorkspaceError> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let redactor = Redactor::new(self.0.iter().map(|secret| &secret.value));
        Ok(Some(redactor.map_err(|_| SecretError::Broken)?))
    }
}

/// Keep the secrets of a new workspace.
///
/// # Errors
/// When the file cannot be written.
pub(in crate::workspace) fn keep(
    config: &Config,
    id: Id,
    secrets: &[GivenSecret],
) -> Result<(), WorkspaceError> {
    if secrets.is_empty() {
        return Ok(());
    }
    let bytes = Zeroizing::new(serde_json::to_vec(secrets).map_err(|_| SecretError::Broken)?);
    fs::private_dir(&directory(config, id))?;
    Ok(fs::write_atomic(&file(config, id), &bytes)?)
}

/// Give a fork the secrets of what it was made from.
///
/// # Errors
/// When they cannot be read or written.
pub(in crate::workspace) fn inherit(
    config: &Config,
    from: Id,
    to: Id,
) -> Result<(), WorkspaceError> {
    keep(config, to, &Secrets::of(config, from)?.0)
}

/// What is told of the secrets of a workspace.
///
/// # Errors
/// As [`Secrets::of`].
pub(in crate::workspace) fn told(
    config: &Config,
    id: Id,
) -> Result<Vec<SecretInfo>, WorkspaceError> {
    let told = |secret: GivenSecret| {
        let GivenSecret { name, source_kind, .. } = secret;
        SecretInfo { name, source_kind: source_kind.name() }
    };
    Ok(Secrets::of(config, id)?.0.into_iter().map(told).collect())
}

fn file(config: &Config, id: Id) -> PathBuf {
    directory(config, id).join("secrets.json")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::secrets::SecretSource;
    use std::os::unix::fs::PermissionsExt;

    fn config(home: &std::path::Path) -> Config {
        let config = Config::from_variables("/pyro", |name| {
            (name == "PYRO_DATA_DIR" || name == "HOME").then(|| home.into())
        });
        config.unwrap()
    }

    #[test]
    fn they_are_kept_in_a_private_file_and_given_by_name() {
        let home = tempfile::tempdir().unwrap();
        let (config, id) = (config(home.path()), Id::random().unwrap());
        assert!(Secrets::of(&config, id).unwrap().redactor().unwrap().is_none());
        let secret =
            |name, value: &str| GivenSecret::new(name, value, SecretSource::Literal).unwrap();
        keep(&config, id, &[secret("A", "first\n\"value"), secret("B", "second")]).unwrap();
        let mode = fs::metadata(&file(&config, id)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
        let fork = Id::random().unwrap();
        inherit(&config, id, fork).unwrap();
        let secrets = Secrets::of(&config, fork).unwrap();
        let given = |pairs: &[(&str, &str)]| {
            let owned = pairs.iter().map(|(name, variable)| (*name, Some(*variable)));
            let own = vec![Variable::new("B", "own"), Variable::new("C", "own")];
            let options = ExecOptions::parse(None, own, None).unwrap();
            secrets.variables(&options.with_secret_env(owned).unwrap())
        };
        let variables = given(&[("A", "B"), ("B", "D")]).unwrap();
        let expected = [("C", "own"), ("B", "first\n\"value"), ("D", "second")];
        assert_eq!(variables, expected.map(|(name, value)| Variable::new(name, value)));
        let unknown = given(&[("a", "A")]).unwrap_err().to_string();
        assert_eq!(unknown, "the workspace has no secret \"a\"; it has A, B");
        let redactor = secrets.redactor().unwrap().unwrap();
        assert_eq!(redactor.text("a second"), "a [REDACTED]");
        assert!(!format!("{secrets:?}").contains("second"));
        let told = told(&config, id).unwrap();
        assert_eq!((told[0].name.as_str(), told[0].source_kind), ("A", "literal"));
    }
}
