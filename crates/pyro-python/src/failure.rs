//! `Failure`: why an operation failed, as the package's exceptions are made of it.

use pyro_contract::Methods;
use pyro_core::hints::worded;
use pyro_core::{ErrorKind, PyroError};
use serde::Serialize;

/// Why an operation failed.
#[derive(Debug, Serialize)]
pub(crate) struct Failure {
    kind: &'static str,
    message: String,
    causes: Vec<String>,
    hint: Option<String>,
    /// None where nobody can say.
    may_have_run: Option<bool>,
}

impl Failure {
    /// One that is found before core is asked.
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>, hint: &str) -> Self {
        Self {
            kind: kind.name(),
            message: message.into(),
            causes: Vec::new(),
            hint: Some(hint.to_owned()),
            may_have_run: Some(false),
        }
    }
}

impl From<PyroError> for Failure {
    fn from(error: PyroError) -> Self {
        Self {
            kind: error.kind().name(),
            message: error.to_string(),
            causes: error.causes(),
            hint: worded(error.hints(), &Methods),
            may_have_run: error.may_have_run(),
        }
    }
}
