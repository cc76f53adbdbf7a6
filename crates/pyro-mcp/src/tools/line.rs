//! A command as the tools are given it: a line, how it is to run, and what it reads.

use super::parameters;
use crate::refusal::Refusal;
use pyro_core::limits::timeout;
use pyro_core::{ExecOptions, InlineOutput, LineRequest, OptionError, PyroError, Stdin, Variable};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::Cursor;

#[derive(Deserialize, JsonSchema)]
pub(super) struct Line {
    /// Line for the user's login shell (root: bash)
    #[schemars(length(max = 2_097_152), regex(pattern = r"\S"))]
    command: String,
    /// Limit for the command
    #[serde(default = "parameters::timeout_seconds")]
    #[schemars(range(min = 1))]
    timeout_seconds: u32,
    #[serde(default)]
    cwd: Option<String>,
    /// More variables
    #[serde(default)]
    env: Option<BTreeMap<String, String>>,
    /// NAME or UID[:GROUP], default root
    #[serde(default)]
    user: Option<String>,
    #[serde(default)]
    #[schemars(schema_with = "parameters::shell")]
    shell: Option<String>,
    #[serde(default)]
    stdin: Option<String>,
    #[serde(default = "parameters::output_bytes")]
    #[schemars(schema_with = "parameters::command_output")]
    max_output_bytes: u32,
}

/// A command's stdin as core takes it.
pub(super) fn stdin(text: Option<String>) -> Stdin {
    text.map(|text| Box::new(Cursor::new(text)) as _)
}

/// The same with secrets of the workspace as variables.
pub(super) fn with_secrets(
    options: ExecOptions,
    secrets: Option<BTreeMap<String, String>>,
) -> Result<ExecOptions, Refusal> {
    let secrets = secrets.unwrap_or_default();
    let secrets = secrets.iter().map(|(name, variable)| (name.as_str(), Some(variable.as_str())));
    Ok(options.with_secret_env(secrets).map_err(PyroError::from)?)
}

impl Line {
    /// What a result may hold of the command's output, beside its other fields.
    pub(super) fn inline(&self) -> InlineOutput {
        parameters::inline(self.max_output_bytes)
    }

    /// As core takes it, and its stdin; `options` says what may be chosen there.
    pub(super) fn request(
        self,
        options: impl FnOnce(
            Option<&str>,
            Vec<Variable>,
            Option<&str>,
        ) -> Result<ExecOptions, OptionError>,
    ) -> Result<(LineRequest, Option<String>), Refusal> {
        let env = self.env.unwrap_or_default().into_iter();
        let env = env.map(|(name, value)| Variable::new(name, value)).collect();
        let line = LineRequest {
            command: self.command,
            timeout: timeout(self.timeout_seconds).map_err(PyroError::from)?,
            options: options(self.cwd.as_deref(), env, self.user.as_deref())
                .and_then(|options| options.with_shell(self.shell.as_deref()))
                .map_err(PyroError::from)?,
        };
        Ok((line, self.stdin))
    }
}
