//! What commands need of this process: its runtime, its paths, and how it tells a failure.

use crate::{exit, printer};
use pyro_contract::CommandLine;
use pyro_core::hints::worded;
use pyro_core::host_files::expanded;
use pyro_core::{Config, Pyro, PyroError};
use std::path::{Path, PathBuf};

/// A path of the host as a user gives it: a shell leaves the `~` of `--flag=~/x` and of what is in
/// quotes.
pub(super) fn on_host(path: &Path) -> PathBuf {
    let home = std::env::var_os("HOME").map(PathBuf::from);
    expanded(path, home.as_deref())
}

/// The runtime as this process's environment describes it.
pub(super) fn pyro() -> Result<Pyro, PyroError> {
    Ok(Pyro::new(Config::from_variables(program(), |name| std::env::var_os(name))?))
}

/// This executable.
pub(super) fn program() -> PathBuf {
    std::env::current_exe().unwrap_or_else(|_| "pyro".into())
}

/// Run `future` on this thread alone: a supervisor's machine is tied to it, and a short command
/// needs no other.
pub(super) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime {
        Ok(runtime) => {
            let result = runtime.block_on(future);
            // A thread may be waiting for a line of stdin; nobody waits for it.
            runtime.shutdown_background();
            result
        }
        Err(error) => {
            printer::talk(&format!("error: cannot start the runtime: {error}"));
            std::process::exit(exit::FAILED)
        }
    }
}

/// Tell a failure; the status of it.
pub(super) fn fail(error: &PyroError, as_json: bool, failed: i32) -> i32 {
    fail_in(CommandLine::default(), error, as_json, failed)
}

/// Tell a failure in the words that its command was called by; the status of it.
pub(super) fn fail_in(wording: CommandLine, error: &PyroError, as_json: bool, failed: i32) -> i32 {
    printer::failure(error, worded(error.hints(), &wording).as_deref(), as_json);
    exit::status(error, failed)
}
