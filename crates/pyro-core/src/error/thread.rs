//! The failures of an operation's thread, judged.

use super::common::doctor;
use super::{ErrorKind, PyroError};
use crate::host::async_thread::ThreadError;

impl From<ThreadError> for PyroError {
    fn from(error: ThreadError) -> Self {
        match error {
            ThreadError::Start(_) => Self::judged(ErrorKind::Io, error, vec![doctor("")]),
            ThreadError::Panicked(_) => Self::judged(ErrorKind::Internal, error, Vec::new()),
        }
    }
}
