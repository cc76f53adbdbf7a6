//! What the demonstration fails of.

use super::endpoint::EndpointError;
use pyro_contract::CommandLine;
use pyro_core::PyroError;
use pyro_core::hints::worded;
use std::error::Error;
use std::iter::successors;

/// An error of either side, or a signal.
pub(super) enum Failure {
    Endpoint(EndpointError),
    Pyro(PyroError),
    Interrupted,
}

impl Failure {
    /// What happened, why, and what to do about it.
    pub(super) fn told(&self, model: &str) -> String {
        match self {
            Self::Endpoint(error) => {
                let causes = successors(error.source(), |cause| (*cause).source())
                    .map(ToString::to_string)
                    .collect();
                in_words(error.to_string(), causes, Some(&error.hint(model)))
            }
            Self::Pyro(error) => {
                let hint = worded(error.hints(), &CommandLine::default());
                in_words(error.to_string(), error.causes(), hint.as_deref())
            }
            Self::Interrupted => "interrupted".to_owned(),
        }
    }
}

fn in_words(error: String, causes: Vec<String>, hint: Option<&str>) -> String {
    let hint = hint.map(|hint| format!("; hint: {hint}")).unwrap_or_default();
    format!("{}{hint}", [vec![error], causes].concat().join(": "))
}

impl From<EndpointError> for Failure {
    fn from(error: EndpointError) -> Self {
        Self::Endpoint(error)
    }
}

impl From<PyroError> for Failure {
    fn from(error: PyroError) -> Self {
        Self::Pyro(error)
    }
}
