//! The failures of measurements, judged.

use super::common::doctor;
use super::{ErrorKind, Hint, Parameter, PyroError};
use crate::bench::BenchError;

impl From<BenchError> for PyroError {
    fn from(error: BenchError) -> Self {
        let (kind, hints) = match error {
            BenchError::Vm(error) => return error.into(),
            BenchError::Store(error) => return error.into(),
            BenchError::Busy => (ErrorKind::Busy, vec![Hint::say("wait until it has ended")]),
            BenchError::Run(_) => (ErrorKind::Guest, vec![doctor("")]),
            BenchError::Against { .. } => (
                ErrorKind::InvalidInput,
                vec![Hint::say("run the command by itself until it succeeds")],
            ),
            BenchError::NothingAgainst => (
                ErrorKind::InvalidInput,
                vec![Hint::parameter(
                    "leave",
                    Parameter::Against,
                    " out, or give it a command for the shell",
                )],
            ),
            BenchError::Command { .. } | BenchError::Lost { .. } => {
                (ErrorKind::Guest, vec![doctor("")])
            }
            BenchError::Files(_) => {
                (ErrorKind::Io, vec![Hint::say("look at the path, its rights and its disk")])
            }
            BenchError::Results { .. } => {
                (ErrorKind::Corrupt, vec![Hint::host("measure again", "cargo xtask bench")])
            }
            BenchError::Cancelled => (ErrorKind::Conflict, Vec::new()),
        };
        Self::judged(kind, error, hints)
    }
}
