//! What can go wrong with environments.

use std::path::PathBuf;

use super::kernel::KernelError;
use super::kernel::own::OwnKernelError;
use super::missing_program::MissingProgram;
use crate::host::fs::FsError;
use crate::host::lock::LockError;
use crate::host::program::ProgramError;

/// An operation on environments that failed.
#[derive(Debug, thiserror::Error)]
pub enum EnvironmentError {
    /// No environment has this name.
    #[error("there is no environment {name:?}; known are {}", known.join(", "))]
    Unknown {
        /// What was asked for.
        name: String,
        /// All names.
        known: Vec<String>,
        /// The one that was probably meant.
        nearest: Option<String>,
    },
    /// It has to be pulled first.
    #[error("environment {name} is not installed")]
    NotInstalled {
        /// Its name.
        name: String,
    },
    /// A file of an installed environment is not as it was installed; pulling it again mends it.
    #[error("environment {name} is damaged: {} was altered or truncated", path.display())]
    Corrupt {
        /// The environment.
        name: String,
        /// The file.
        path: PathBuf,
    },
    /// The modules of a kernel are not as they were installed; pulling the environment again mends
    /// it.
    #[error("kernel modules in {} were altered or truncated", path.display())]
    CorruptKernel {
        /// Their directory.
        path: PathBuf,
    },
    /// Programs of the host are missing.
    #[error("cannot install environments without {}", programs(missing))]
    MissingPrograms {
        /// Each with the package that holds it.
        missing: Vec<MissingProgram>,
    },
    /// This user may not use more than one user id, so the files of a system cannot have owners.
    #[error(
        "user {user} has no range of subordinate user and group ids in /etc/subuid and /etc/subgid"
    )]
    NoSubordinateIds {
        /// Whom to give one.
        user: String,
        /// The first id that nobody has yet, and 65,535 more after it.
        free: u64,
    },
    /// The host does not let this user make the namespaces that a system is built in.
    #[error("this host does not allow the namespaces that environments are built in")]
    NoNamespaces {
        /// The setting of the kernel that forbids them, and the value that allows them; none where
        /// none is known to.
        setting: Option<(&'static str, u8)>,
        /// What `unshare` said.
        #[source]
        source: ProgramError,
    },
    /// What was given as a mirror is not one.
    #[error("{mirror:?} is not a mirror: it must be an http:// or https:// address")]
    InvalidMirror {
        /// What was given.
        mirror: String,
    },
    /// The mirror does not answer, or has no Debian.
    #[error("cannot reach Debian mirror {mirror}: {reason}")]
    MirrorUnreachable {
        /// Its address.
        mirror: String,
        /// What apt says.
        reason: String,
    },
    /// The disk has too little room to begin.
    #[error("installing {name} takes {needs_mib} MiB and {} has {free_mib} MiB free", path.display())]
    TooLittleSpace {
        /// The environment.
        name: String,
        /// Where it would be installed.
        path: PathBuf,
        /// Room that there is.
        free_mib: u64,
        /// Room that it takes.
        needs_mib: u64,
    },
    /// The disk became full on the way; nothing was installed.
    #[error("the disk became full while {name} was installed in {}", path.display())]
    DiskFull {
        /// The environment.
        name: String,
        /// Where it would have been installed.
        path: PathBuf,
    },
    /// Building failed; nothing was installed.
    #[error("{name} could not be installed: {stage} failed")]
    Build {
        /// The environment.
        name: String,
        /// Which stage.
        stage: &'static str,
        /// The program's end and its last lines.
        #[source]
        source: ProgramError,
    },
    /// The kernel could not be prepared.
    #[error("cannot prepare the guest's kernel")]
    Kernel(#[from] KernelError),
    /// The user's own kernel cannot be used.
    #[error(transparent)]
    OwnKernel(#[from] OwnKernelError),
    /// Another pyro is installing for too long.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// A file operation failed.
    #[error(transparent)]
    Fs(#[from] FsError),
    /// Work on another thread was lost.
    #[error("the installation was interrupted")]
    Interrupted(#[source] tokio::task::JoinError),
}

impl EnvironmentError {
    /// The host's packages that would mend it, for an `apt-get install` line.
    #[must_use]
    pub fn packages(&self) -> Vec<&'static str> {
        let Self::MissingPrograms { missing } = self else { return Vec::new() };
        let mut packages: Vec<_> = missing.iter().map(|program| program.package).collect();
        packages.sort_unstable();
        packages.dedup();
        packages
    }

    /// Whether a full disk is the reason.
    pub(super) fn is_full(&self) -> bool {
        match self {
            Self::Fs(error) | Self::Kernel(KernelError::Fs(error)) => error.is_full(),
            _ => false,
        }
    }
}

fn programs(missing: &[MissingProgram]) -> String {
    missing.iter().map(|program| program.program).collect::<Vec<_>>().join(", ")
}
