//! What can go wrong with a vm.

use super::launch::Failure;
use super::shape::OutOfRange;
use crate::engine::EngineError;
use crate::environment::EnvironmentError;
use crate::guest::client::ClientError;
use crate::host::fs::FsError;
use crate::store::StoreError;
use std::io;
use std::time::Duration;

/// A failure of a vm's operation.
#[derive(Debug, thiserror::Error)]
pub enum VmError {
    /// A number is outside its limits.
    #[error(transparent)]
    OutOfRange(#[from] OutOfRange),
    /// There is nothing to run.
    #[error("the command is empty")]
    NoCommand,
    /// The environment cannot be used.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    /// No engine for it on this host.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The records failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The vm's directory cannot be used.
    #[error(transparent)]
    Files(#[from] FsError),
    /// The vm's supervisor could not be started.
    #[error("cannot start the vm's supervisor")]
    Supervisor(#[source] io::Error),
    /// The vm's supervisor is gone, or speaks nonsense.
    #[error("the vm's supervisor is gone")]
    Control(#[source] ClientError),
    /// The vm's supervisor does not end.
    #[error("the vm's supervisor does not end")]
    Stuck,
    /// The vm did not start, or ended by itself.
    #[error(transparent)]
    Failed(Failure),
    /// The kernel has fewer virtual CPUs.
    #[error("the kernel runs at most {max} virtual CPU(s)")]
    TooManyVcpus {
        /// How many.
        max: u32,
    },
    /// The command could not be run, or its connection broke.
    #[error(transparent)]
    Guest(ClientError),
    /// A killed command did not end.
    #[error("the command was killed but did not end within {} s", .0.as_secs())]
    Unkillable(Duration),
    /// Output could not be handed on.
    #[error("cannot write the command's output")]
    Output(#[source] io::Error),
    /// The host cannot clear away what a dead process left.
    #[error("cannot clear away what a dead vm left")]
    Leftovers(#[source] FsError),
    /// The host's random generator failed.
    #[error("the host's random generator failed")]
    Random(#[from] getrandom::Error),
    /// The surface asked for the end.
    #[error("cancelled")]
    Cancelled,
    /// Networking is not built yet.
    #[error("networking is not available in this version")]
    NoNetwork,
}
