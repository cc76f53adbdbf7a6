//! Why a machine could not be started.

use super::spec::Accel;
use crate::host::program::ProgramError;
use std::path::PathBuf;

/// Why a machine could not be started.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The program is on no directory of PATH.
    #[error("{program} is not installed")]
    ProgramMissing {
        /// Its name.
        program: &'static str,
        /// The Debian package that brings it.
        package: &'static str,
    },
    /// A file of the QEMU that `PYRO_QEMU` names is missing.
    #[error("PYRO_QEMU: {} is not there, or may not be executed", path.display())]
    NotThere {
        /// The file.
        path: PathBuf,
    },
    /// QEMU does not answer what it is asked.
    #[error("{} does not answer", path.display())]
    NoAnswer {
        /// Its executable.
        path: PathBuf,
        /// What happened instead.
        source: ProgramError,
    },
    /// QEMU lacks what guests need.
    #[error("QEMU {version} is too old; pyro needs {}.{} or newer", oldest.0, oldest.1)]
    TooOld {
        /// As it says itself.
        version: String,
        /// The oldest that serves, as major and minor version.
        oldest: (u32, u32),
    },
    /// KVM was asked for and cannot be used.
    #[error("KVM cannot be used: {reason}")]
    KvmUnusable {
        /// What the probe found.
        reason: String,
    },
    /// The kernel does not run on this accelerator.
    #[error("the kernel in {} does not run under {accel}", kernel.display())]
    KernelNeedsOther {
        /// Its directory.
        kernel: PathBuf,
        /// What was to be used.
        accel: Accel,
    },
    /// The process could not be started or confined.
    #[error("cannot start {program}")]
    Start {
        /// Its name.
        program: String,
        /// The system's answer.
        source: std::io::Error,
    },
}
