//! The secrets of a workspace, for its operations.

use super::given::GivenSecret;
use crate::config::Config;
use crate::id::Id;
use crate::redaction::Redactor;
use crate::vm::exec::line::{ExecOptions, Variable};
use crate::vm::secrets::{KeptError, KeptSecret, KeptSecrets};
use crate::workspace::error::WorkspaceError;
use crate::workspace::info::SecretInfo;
use crate::workspace::secret_error::SecretError;

/// The secrets of one workspace.
#[derive(Debug)]
pub struct Secrets(KeptSecrets);

impl Secrets {
    /// Those of a workspace; most have none.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn of(config: &Config, id: Id) -> Result<Self, WorkspaceError> {
        Ok(Self(KeptSecrets::of(config, id)?))
    }

    /// All variables of a process: those that its caller chose, and the secrets that it is given.
    ///
    /// # Errors
    /// [`SecretError::Unknown`]; when they are too long together.
    pub fn variables(&self, options: &ExecOptions) -> Result<Vec<Variable>, WorkspaceError> {
        let variables = self.0.variables(&options.env, &options.secret_env)?;
        Ok(ExecOptions::parse(None, variables, None)?.env)
    }

    /// All values by their names, for whoever keeps them out of what it tells.
    #[must_use]
    pub fn values(&self) -> Vec<Variable> {
        let value = |one: &KeptSecret| Variable::new(one.name.clone(), one.value.clone());
        self.0.all().iter().map(value).collect()
    }

    /// What keeps all values out of texts; none where there are none.
    ///
    /// # Errors
    /// Never for what [`super::GivenSecret`] lets through.
    pub fn redactor(&self) -> Result<Option<Redactor>, WorkspaceError> {
        Ok(self.0.redactor()?)
    }
}

impl From<KeptError> for WorkspaceError {
    fn from(error: KeptError) -> Self {
        match error {
            KeptError::File(error) => error.into(),
            KeptError::Broken => SecretError::Broken.into(),
            KeptError::Unknown { name, known } => SecretError::Unknown { name, known }.into(),
        }
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
    let secrets = secrets.iter().map(|GivenSecret(secret)| secret.clone()).collect();
    Ok(KeptSecrets::new(secrets).keep(config, id)?)
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
    Ok(KeptSecrets::of(config, from)?.keep(config, to)?)
}

/// What is told of the secrets of a workspace.
///
/// # Errors
/// As [`Secrets::of`].
pub(in crate::workspace) fn told(
    config: &Config,
    id: Id,
) -> Result<Vec<SecretInfo>, WorkspaceError> {
    let told = |secret: &KeptSecret| SecretInfo {
        name: secret.name.clone(),
        source_kind: secret.source_kind.name(),
    };
    Ok(KeptSecrets::of(config, id)?.all().iter().map(told).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fs;
    use crate::vm::paths;
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
        let mode = fs::metadata(&paths::secrets(&config, id)).unwrap().permissions().mode() & 0o777;
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
