//! A command as the tools are given it: a line, and how it is to run.

use crate::refusal::Refusal;
use pyro_core::PyroError;
use pyro_core::vm::line::{OptionError, Variable};
use pyro_core::vm::shape::timeout;
use pyro_core::vm::{ExecOptions, LineRequest};
use std::collections::BTreeMap;

/// What stands in the arguments of a call; what was not given is none.
#[derive(Default)]
pub(super) struct Line {
    pub(super) command: String,
    pub(super) timeout_seconds: u32,
    pub(super) cwd: Option<String>,
    pub(super) env: Option<BTreeMap<String, String>>,
    pub(super) user: Option<String>,
    pub(super) shell: Option<String>,
}

impl Line {
    /// As core takes it; `options` says what may be chosen there.
    pub(super) fn request(
        self,
        options: impl FnOnce(Option<&str>, Vec<Variable>, Option<&str>) -> Result<ExecOptions, OptionError>,
    ) -> Result<LineRequest, Refusal> {
        let env = self.env.unwrap_or_default().into_iter().map(|(name, value)| Variable::new(name, value)).collect();
        Ok(LineRequest {
            command: self.command,
            timeout: timeout(self.timeout_seconds).map_err(PyroError::from)?,
            options: options(self.cwd.as_deref(), env, self.user.as_deref())
                .and_then(|options| options.with_shell(self.shell.as_deref()))
                .map_err(PyroError::from)?,
        })
    }
}
