//! The `pyro` executable that runs vms: it must be there, and of the module's version.

#![allow(
    clippy::disallowed_methods,
    reason = "a surface may start a process; core starts supervisors only"
)]

use crate::failure::Failure;
use pyro_core::ErrorKind;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// The module's version.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What brings both in one version.
const REINSTALL: &str = "install the package again: pip install --force-reinstall pyro-mcp";

/// Those that were found to be the right ones.
static CHECKED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// Look whether it can serve this module, once in a process.
pub(crate) async fn check(executable: &Path) -> Result<(), Failure> {
    let checked = || CHECKED.lock().unwrap_or_else(PoisonError::into_inner);
    if !checked().contains(executable) {
        let asked = executable.to_owned();
        // A process is waited for, so this is no work for a thread of the runtime.
        let asked = tokio::task::spawn_blocking(move || ask(&asked)).await;
        asked.map_err(|error| {
            Failure::new(ErrorKind::Internal, error.to_string(), "this is a fault of pyro's own")
        })??;
        checked().insert(executable.to_owned());
    }
    Ok(())
}

fn ask(executable: &Path) -> Result<(), Failure> {
    let shown = executable.display();
    let asked = Command::new(executable).arg("--version").stdin(Stdio::null()).output();
    let failed = |message: String| Failure::new(ErrorKind::Unavailable, message, REINSTALL);
    let said = match asked {
        Ok(said) if said.status.success() => said,
        Ok(said) => return Err(failed(format!("{shown} --version failed ({})", said.status))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(failed(format!("the pyro executable is missing: {shown}")));
        }
        Err(error) => return Err(failed(format!("{shown} cannot be executed: {error}"))),
    };
    let said = String::from_utf8_lossy(&said.stdout);
    match said.trim().strip_prefix("pyro ") {
        Some(VERSION) => Ok(()),
        Some(other) => Err(failed(format!(
            "the module pyro_mcp is version {VERSION}, the executable {shown} is version {other}"
        ))),
        None => Err(failed(format!("{shown} is no pyro"))),
    }
}
