//! Exit statuses: what a script may rely on.

use pyro_core::{ErrorKind, PyroError};

/// All is well.
pub(crate) const OK: i32 = 0;
/// Pyro failed.
pub(crate) const FAILED: i32 = 1;
/// The command line is wrong.
pub(crate) const USAGE: i32 = 2;
/// `run` and `exec`: pyro failed, not the command.
pub(crate) const RUN_FAILED: i32 = 125;
/// The reader of the output went away: what a shell says of a process that SIGPIPE ended.
pub(crate) const CLOSED_OUTPUT: i32 = 128 + rustix::process::Signal::PIPE.as_raw();

/// The status of a failure, where `failed` is what this command says when pyro itself failed.
pub(crate) fn status(error: &PyroError, failed: i32) -> i32 {
    match error.kind() {
        ErrorKind::InvalidInput => USAGE,
        _ => failed,
    }
}
