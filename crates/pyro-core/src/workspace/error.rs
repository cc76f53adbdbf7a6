//! What can go wrong with a workspace.

use super::file_error::FileError;
use super::label::LabelError;
use super::secret_error::SecretError;
use super::service_error::ServiceError;
use super::shell_error::ShellError;
use crate::engine::EngineError;
use crate::guest::client::ClientError;
use crate::host::copy::CopyError;
use crate::host::fs::FsError;
use crate::id::Id;
use crate::snapshot_name::{SnapshotName, SnapshotNameError};
use crate::store::StoreError;
use crate::store::workspace::WorkspaceChange;
use crate::vm::VmError;
use crate::vm::exec::line::OptionError;
use std::path::PathBuf;

/// A failure of a workspace's operation.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    /// Its guest was started by a pyro that keeps no output of the background.
    #[error(
        "workspace {id} runs an agent of an older pyro, which keeps no output of background processes"
    )]
    NoBackground {
        /// The workspace.
        id: Id,
    },
    /// Its vm failed.
    #[error(transparent)]
    Vm(#[from] VmError),
    /// The records failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file of pyro's own cannot be used.
    #[error(transparent)]
    Files(#[from] FsError),
    /// A command cannot run as it was asked to.
    #[error(transparent)]
    Options(#[from] OptionError),
    /// Its secrets cannot be kept or given.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// A name or a label is not one.
    #[error(transparent)]
    Label(#[from] LabelError),
    /// There is no workspace of this id.
    #[error("there is no workspace {id}")]
    NoSuchWorkspace {
        /// The id.
        id: Id,
    },
    /// It does not run.
    #[error("workspace {id} is stopped{}", because(last_error.as_ref()))]
    NotStarted {
        /// The workspace.
        id: Id,
        /// Why its vm stopped by itself, if it did.
        last_error: Option<String>,
    },
    /// Its vm ended under an operation.
    #[error("workspace {id} ended meanwhile{}", because(why.as_ref()))]
    EndedMeanwhile {
        /// The workspace.
        id: Id,
        /// Why, where that is known.
        why: Option<String>,
    },
    /// Its vm ended before it was whole.
    #[error("the vm of the new workspace ended{}", because(why.as_ref()))]
    EndedUnfinished {
        /// Why, where that is known.
        why: Option<String>,
    },
    /// Its first files have no room.
    #[error("the seed does not fit on {}", disk(*disk_bytes))]
    SeedTooLarge {
        /// Size of the guest's disk, the environment's own files included; none where the host's is
        /// the one that is full.
        disk_bytes: Option<u64>,
        /// What the agent said.
        source: ClientError,
    },
    /// Somebody is changing it.
    #[error("somebody else is {} workspace {id}", change.name())]
    Changing {
        /// The workspace.
        id: Id,
        /// What is being done.
        change: WorkspaceChange,
    },
    /// Its record names no disk: it was never whole.
    #[error("workspace {id} has no disk")]
    NoDisk {
        /// The workspace.
        id: Id,
    },
    /// A file that its disk is made of was removed.
    #[error("a part of the disk of workspace {id} is gone: {}", path.display())]
    LayerGone {
        /// The workspace.
        id: Id,
        /// What is missing.
        path: PathBuf,
        /// Whether what a reset needs is there.
        resettable: bool,
    },
    /// No command, or one of blanks.
    #[error("the command is empty")]
    NoCommand {
        /// Where it should run.
        id: Id,
    },
    /// An update that changes nothing.
    #[error("nothing to update")]
    NothingToUpdate,
    /// A name is given and cleared at once.
    #[error("a name cannot be given and cleared at once")]
    NameBothWays,
    /// There is no engine for a new one, unless the host itself may be it.
    #[error(transparent)]
    NoEngine(EngineError),
    /// On the host there is no disk that others could stand on.
    #[error("workspace {id} is on the host, without a disk of its own: it cannot be forked")]
    NoFork {
        /// The workspace.
        id: Id,
    },
    /// On the host there is no disk.
    #[error("workspace {id} is on the host, without a disk of its own")]
    DiskOnHost {
        /// The workspace.
        id: Id,
    },
    /// It runs, or did meanwhile: its disk changes.
    #[error("workspace {id} is not stopped: its disk changes while it runs")]
    NotStopped {
        /// The workspace.
        id: Id,
    },
    /// The directory of a workspace on the host cannot be copied.
    #[error("cannot copy the files of the workspace")]
    Copy(#[source] CopyError),
    /// A lifetime that is not one.
    #[error("ttl_seconds is {0}; it must be 0 (no limit) or at least 60")]
    Ttl(u32),
    /// More forks at once than are made.
    #[error("count is {0}; it must be 1 to {max}", max = super::limits::MAX_FORKS)]
    Count(u32),
    /// Its disk stands on as many layers as one may: each fork and each snapshot closes one.
    #[error(
        "the disk of workspace {id} stands on {max} layers, the most there may be: each fork and \
         each snapshot adds one",
        max = super::limits::MAX_LAYERS
    )]
    TooDeep {
        /// The workspace.
        id: Id,
    },
    /// A text that names no snapshot.
    #[error(transparent)]
    SnapshotName(#[from] SnapshotNameError),
    /// It has no snapshot of this name.
    #[error("workspace {id} has no snapshot {name}{}", known_snapshots(known))]
    NoSuchSnapshot {
        /// The workspace.
        id: Id,
        /// The name.
        name: SnapshotName,
        /// Names that it has, the newest first.
        known: Vec<String>,
    },
    /// It has a snapshot of this name.
    #[error("workspace {id} has a snapshot {name} already")]
    SnapshotExists {
        /// The workspace.
        id: Id,
        /// The name.
        name: SnapshotName,
    },
    /// Its files.
    #[error(transparent)]
    File(#[from] FileError),
    /// Its services.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// Its shells.
    #[error(transparent)]
    Shell(#[from] ShellError),
    /// The guest's agent failed.
    #[error(transparent)]
    Guest(ClientError),
}

fn disk(bytes: Option<u64>) -> String {
    bytes.map_or_else(
        || "the host's disk".to_owned(),
        |bytes| format!("the guest's disk, which is {} GiB large", bytes >> 30),
    )
}

fn because(error: Option<&String>) -> String {
    error.map(|error| format!(": {error}")).unwrap_or_default()
}

fn known_snapshots(known: &[String]) -> String {
    match known {
        [] => "; it has only baseline".to_owned(),
        known => format!("; it has baseline, {}", known.join(", ")),
    }
}
