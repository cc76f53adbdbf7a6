//! The secrets of a workspace as they are kept: in one file of the host that only its user may read.

use super::paths;
use crate::config::Config;
use crate::host::fs::{self, FsError};
use crate::id::Id;
use crate::redaction::Redactor;
use pyro_protocol::Secret;
use pyro_protocol::variable::Variable;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// Most bytes of all values of a workspace.
pub const MAX_VALUES_LEN: usize = 256 * 1024;

/// Most bytes of the file: JSON takes six for a character at most.
const MAX_FILE_LEN: u64 = 8 * MAX_VALUES_LEN as u64;

/// Where a secret's value came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SecretSource {
    /// The call itself.
    Literal,
    /// A file of the host.
    File,
    /// A variable of the caller's environment.
    Variable,
}

impl SecretSource {
    /// As results have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Literal => "literal",
            Self::File => "file",
            Self::Variable => "variable",
        }
    }
}

/// One secret. It has no `Debug` that shows its value.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptSecret {
    /// What it is called.
    pub name: String,
    /// Where its value came from.
    pub source_kind: SecretSource,
    /// Its value.
    pub value: Secret,
}

impl std::fmt::Debug for KeptSecret {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}=[...]", self.name)
    }
}

/// The secrets of one workspace; most have none.
#[derive(Debug)]
pub struct KeptSecrets(Vec<KeptSecret>);

/// Why secrets are not to be had.
#[derive(Debug, thiserror::Error)]
pub enum KeptError {
    /// The file cannot be read or written.
    #[error(transparent)]
    File(#[from] FsError),
    /// The file cannot be understood.
    #[error("the secrets of the workspace cannot be read back")]
    Broken,
    /// There is none of this name.
    #[error("the workspace has no secret {name:?}")]
    Unknown {
        /// As asked for.
        name: String,
        /// Those that there are.
        known: Vec<String>,
    },
}

impl KeptSecrets {
    /// Those of a workspace.
    ///
    /// # Errors
    /// [`KeptError::File`], [`KeptError::Broken`].
    pub fn of(config: &Config, workspace: Id) -> Result<Self, KeptError> {
        let bytes = match fs::read_bounded(&paths::secrets(config, workspace), MAX_FILE_LEN) {
            Ok(bytes) => Zeroizing::new(bytes),
            Err(error) if error.is_not_found() => return Ok(Self(Vec::new())),
            Err(error) => return Err(error.into()),
        };
        // The cause could show a part of it.
        Ok(Self(serde_json::from_slice(&bytes).map_err(|_| KeptError::Broken)?))
    }

    /// These.
    #[must_use]
    pub fn new(secrets: Vec<KeptSecret>) -> Self {
        Self(secrets)
    }

    /// Keep them for a new workspace.
    ///
    /// # Errors
    /// [`KeptError::File`].
    pub fn keep(&self, config: &Config, workspace: Id) -> Result<(), KeptError> {
        if self.0.is_empty() {
            return Ok(());
        }
        let bytes = Zeroizing::new(serde_json::to_vec(&self.0).map_err(|_| KeptError::Broken)?);
        fs::private_dir(&paths::workspace_dir(config, workspace))?;
        Ok(fs::write_atomic(&paths::secrets(config, workspace), &bytes)?)
    }

    /// All variables of a process: its own `env`, and the secrets that it is given, each by its
    /// name as a variable.
    ///
    /// # Errors
    /// [`KeptError::Unknown`].
    pub fn variables(
        &self,
        env: &[Variable],
        secret_env: &[(String, String)],
    ) -> Result<Vec<Variable>, KeptError> {
        let mut variables = env.to_vec();
        for (name, variable) in secret_env {
            let Some(secret) = self.0.iter().find(|secret| secret.name == *name) else {
                let known = self.0.iter().map(|secret| secret.name.clone()).collect();
                return Err(KeptError::Unknown { name: name.clone(), known });
            };
            variables.retain(|Variable(one, _)| one != variable);
            variables.push(Variable::new(variable.clone(), secret.value.clone()));
        }
        Ok(variables)
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> &[KeptSecret] {
        &self.0
    }

    /// What keeps all values out of texts; none where there are none.
    ///
    /// # Errors
    /// [`KeptError::Broken`] when they are more than a workspace can be given.
    pub fn redactor(&self) -> Result<Option<Redactor>, KeptError> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let redactor = Redactor::new(self.0.iter().map(|secret| &secret.value));
        Ok(Some(redactor.map_err(|_| KeptError::Broken)?))
    }
}
