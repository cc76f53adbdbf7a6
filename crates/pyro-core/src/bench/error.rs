//! What can keep a measurement from its end.

use crate::host::fs::FsError;
use crate::host::program::ProgramError;
use crate::store::StoreError;
use crate::vm::VmError;
use std::path::PathBuf;

/// A failed measurement.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// Another one runs on these records; each would measure the other.
    #[error("another benchmark is running")]
    Busy,
    /// A vm failed.
    #[error(transparent)]
    Vm(#[from] VmError),
    /// A `pyro run` failed.
    #[error("a measured run failed")]
    Run(#[source] ProgramError),
    /// The command to compare with failed.
    #[error("the command to compare with failed: {command}")]
    Against {
        /// The user's command.
        command: String,
        /// How.
        #[source]
        source: ProgramError,
    },
    /// The command to compare with is none.
    #[error("the command to compare with is empty")]
    NothingAgainst,
    /// A command in a guest ended otherwise than it must.
    #[error("{command} exited with {exit_code} in the guest")]
    Command {
        /// What it was.
        command: &'static str,
        /// Its status.
        exit_code: i32,
    },
    /// The channel lost or invented bytes.
    #[error("{moved} bytes came of {sent}")]
    Lost {
        /// What was sent.
        sent: u64,
        /// What came.
        moved: u64,
    },
    /// The records failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file or a process of the host could not be looked at.
    #[error(transparent)]
    Files(#[from] FsError),
    /// A results file does not hold results.
    #[error("{} does not hold results of this benchmark", path.display())]
    Results {
        /// The file.
        path: PathBuf,
        /// Where it is wrong.
        source: serde_json::Error,
    },
    /// The surface asked for the end.
    #[error("cancelled")]
    Cancelled,
}
