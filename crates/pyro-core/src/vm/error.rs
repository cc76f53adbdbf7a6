//! What can go wrong with a vm.

use super::failure::Failure;
use super::operation::Operation;
use super::output::error::OutputError;
use super::shape::OutOfRange;
use crate::engine::EngineError;
use crate::environment::EnvironmentError;
use crate::guest::client::ClientError;
use crate::host::fs::FsError;
use crate::id::Id;
use crate::store::StoreError;
use crate::store::vm::VmState;
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
    /// The command is longer than a shell can be given.
    #[error("the command has {len} bytes; it may have {max}")]
    LongCommand {
        /// Its length.
        len: usize,
        /// The most that it may have.
        max: usize,
    },
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
    /// Its agent is of a pyro that could not choose the shell.
    #[error("the vm was started by an older pyro, which runs every line with /bin/sh")]
    NoChoiceOfShell,
    /// Its supervisor is of a pyro that had no shells.
    #[error("the vm was started by an older pyro, which has no shells")]
    NoShells,
    /// Its supervisor is of a pyro that had no services.
    #[error("the vm was started by an older pyro, which has no services")]
    NoServices,
    /// A killed command did not end.
    #[error("the command was killed but did not end within {} s", .0.as_secs())]
    Unkillable(Duration),
    /// A command has ended, and what it has written is not on the disk.
    #[error("the command has ended, and the guest did not write its disk out within {} s", .0.as_secs())]
    NoSync(Duration),
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
    /// There is no vm of this id.
    #[error("there is no vm {id}")]
    NoSuchVm {
        /// The id.
        id: Id,
    },
    /// Its lifetime was over; it is deleted.
    #[error("the lifetime of vm {id}, {ttl_seconds} s, was over, and it was deleted")]
    Expired {
        /// The vm that was.
        id: Id,
        /// Its lifetime.
        ttl_seconds: u32,
    },
    /// Its state is not one for this.
    #[error("vm {id} is {}: {} is not possible", state.name(), operation.name())]
    WrongState {
        /// The vm.
        id: Id,
        /// Its state.
        state: VmState,
        /// What was wanted.
        operation: Operation,
        /// What is possible.
        next: Operation,
    },
    /// Somebody is changing its state.
    #[error("vm {id} is {}, by somebody else", state.name())]
    Changing {
        /// The vm.
        id: Id,
        /// Its state.
        state: VmState,
    },
    /// A command has it.
    #[error("vm {id} is running a command, and is gone after it")]
    InUse {
        /// The vm.
        id: Id,
    },
    /// As many vms as are allowed are active.
    #[error("{max} vms are active, as many as are allowed")]
    TooManyActive {
        /// How many.
        max: u32,
    },
    /// The disk's layer could not be closed.
    #[error("the disk could not be held still: {message}")]
    Layer {
        /// The supervisor's words.
        message: String,
        /// Whether the host's disk is full.
        full: bool,
    },
    /// The image that its disk stands on was removed.
    #[error("the image of {environment} that the disk of vm {id} stands on is gone")]
    ImageGone {
        /// The vm.
        id: Id,
        /// Its environment.
        environment: String,
    },
    /// A kept output cannot be read.
    #[error(transparent)]
    Kept(#[from] OutputError),
    /// Networking is not built yet.
    #[error("networking is not available in this version")]
    NoNetwork,
}
