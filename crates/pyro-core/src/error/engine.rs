//! The failures of engines, judged.

use super::common::{doctor, on_host};
use super::{ErrorKind, Hint, PyroError};
use crate::engine::EngineError;

impl From<EngineError> for PyroError {
    fn from(error: EngineError) -> Self {
        let (kind, mut hints) = engine(&error);
        if matches!(error, EngineError::ProgramMissing { .. } | EngineError::TooOld { .. }) {
            hints.push(on_host().or());
        }
        Self::judged(kind, error, hints)
    }
}

impl PyroError {
    /// An engine that lacks something, where nothing runs without a guest.
    pub(super) fn of_engine_alone(error: EngineError) -> Self {
        let (kind, hints) = engine(&error);
        Self::judged(kind, error, hints)
    }
}

fn engine(error: &EngineError) -> (ErrorKind, Vec<Hint>) {
    match error {
        EngineError::ProgramMissing { package, .. } => (
            ErrorKind::Unavailable,
            vec![Hint::host("", format!("sudo apt-get install -y {package}"))],
        ),
        EngineError::NotThere { .. } => (
            ErrorKind::InvalidInput,
            vec![Hint::say(
                "unset PYRO_QEMU to use the one on PATH, or set it to EXECUTABLE:LIBRARY_DIRECTORY:…",
            )],
        ),
        EngineError::NoAnswer { path, .. } => (
            ErrorKind::Unavailable,
            vec![
                Hint::host("see what it says", format!("{} --version", path.display())),
                Hint::host("", "sudo apt-get install -y --reinstall qemu-system-x86"),
            ],
        ),
        EngineError::TooOld { .. } => (
            ErrorKind::Unavailable,
            vec![Hint::say("upgrade qemu-system-x86, or name a newer QEMU with PYRO_QEMU")],
        ),
        EngineError::KvmUnusable { .. } => {
            (ErrorKind::Unavailable, vec![Hint::say("set PYRO_ACCEL=auto")])
        }
        EngineError::KernelNeedsOther { .. } => (
            ErrorKind::InvalidInput,
            vec![Hint::say("set PYRO_ACCEL to what the kernel's kernel.toml names")],
        ),
        EngineError::Start { .. } => (ErrorKind::Io, vec![doctor("")]),
    }
}
