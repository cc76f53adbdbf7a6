//! Real, disposable virtual machines for coding agents, on any Linux host, without root or a
//! daemon.
//!
//! [`Pyro`] has one method for each operation. Its future never blocks the thread that awaits it
//! on a tokio runtime, and can be dropped at any time: see [`OperationFuture`]. The environments
//! that machines boot from are installed when they are first asked for, which takes minutes and
//! the network; after that a machine starts in a fraction of a second.
//!
//! Every machine has a supervisor, which is a process of its own: a `pyro` executable that is
//! started with the command `supervise`. [`Config`] names it, with the arguments that come before
//! that command: give it the path of an installed `pyro`, or of your own program if that hands
//! `supervise` to `Pyro::supervise`. The disk of a stopped workspace is read by such a process too,
//! which is started with `read-disk`.
//!
//! One command in a machine of its own:
//!
//! ```
//! # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctest/host.inc"));
//! use pyro_core::{Caller, Config, OutputTo, Pyro, PyroError, RunRequest};
//!
//! async fn git_version(config: Config) -> Result<(), PyroError> {
//!     let pyro = Pyro::new(config);
//!     let request = RunRequest::new("debian:12", "git --version");
//!     let ran = pyro.run(request, None, OutputTo::Result, Caller::default()).await?;
//!     assert_eq!(ran.result.exit_code, Some(0));
//!     assert!(ran.result.output.stdout.starts_with("git version 2."));
//!     Ok(())
//! }
//! # fn main() { host::run(git_version) }
//! ```
//!
//! A workspace is a machine that stays, and whose changes can be told and taken back:
//!
//! ```
//! # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctest/host.inc"));
//! use pyro_core::{
//!     Caller, CancellationToken, Config, CreateRequest, DiffRequest, LineRequest, OutputTo, Pyro,
//!     PyroError, Snapshot,
//! };
//!
//! async fn change_and_look(config: Config) -> Result<(), PyroError> {
//!     let pyro = Pyro::new(config);
//!     let cancel = CancellationToken::new();
//!     let request = CreateRequest::new("debian:12");
//!     let id = pyro.create_workspace(request, Caller::default()).await?.workspace_id;
//!
//!     let line = LineRequest::new("echo hello > greeting && cat greeting");
//!     let ran = pyro.exec_workspace(id, line, None, OutputTo::Result, &cancel).await?;
//!     assert_eq!(ran.result.output.stdout, "hello\n");
//!
//!     let diff = pyro.diff_workspace(id, DiffRequest::default(), &cancel).await?;
//!     assert_eq!(diff.entries[0].path, "greeting");
//!     assert!(diff.patch.contains("+hello"));
//!
//!     pyro.reset_workspace(id, Snapshot::Baseline, &cancel).await?;
//!     assert!(!pyro.diff_workspace(id, DiffRequest::default(), &cancel).await?.changed);
//!     pyro.delete_workspace(id).await?;
//!     Ok(())
//! }
//! # fn main() { host::run(change_and_look) }
//! ```

#![allow(
    unreachable_pub,
    reason = "`pub` in a private module is for the other modules; the surface is this file"
)]

mod archive;
mod backing;
mod bench;
mod config;
mod disk;
mod doctor;
mod engine;
mod environment;
mod error;
mod execution_mode;
mod guest;
mod host;
mod id;
mod pyro;
mod redaction;
mod service_name;
mod snapshot_name;
mod store;
#[doc(hidden)]
pub mod testing;
mod timestamp;
mod vm;
mod workspace;

// The facade, and what it is made from.
pub use config::{AccelChoice, Config, ConfigError, InlineOutput, PyroProgram, QemuProgram};
pub use pyro::Pyro;
pub use pyro::operation_future::OperationFuture;

// Failures; what to do about them is in [`hints`].
pub use error::{ErrorKind, PyroError};
pub use id::IdError;
pub use vm::line::OptionError;
pub use vm::shape::OutOfRange;

// Values that requests and results share.
pub use execution_mode::ExecutionMode;
pub use id::Id;
pub use pyro_protocol::Secret;
pub use timestamp::Timestamp;
pub use tokio_util::sync::CancellationToken;
pub use vm::Caller;

// A command, and what comes of it.
pub use pyro_protocol::message::TerminalSize;
pub use vm::io::{Stdin, Terminal};
pub use vm::line::{SHELLS, Variable};
pub use vm::output::{
    OutputName, OutputNameError, OutputPage, OutputStream, OutputTo, OutputWatch, json_len,
};
pub use vm::{CommandOutput, CommandResult, ExecOptions, LineRequest};

// Vms.
pub use store::vm::VmState;
pub use vm::standby::StandbyCounts;
pub use vm::{RunRequest, Shape, VmDeleted, VmExec, VmInfo, VmNetworkInfo, VmRequest};

// Workspaces.
pub use store::command::CommandState;
pub use workspace::ROOT as WORKSPACE_ROOT;
pub use workspace::background::BackgroundOutput;
pub use workspace::create::CreateRequest;
pub use workspace::exec::{WorkspaceExec, options as workspace_options};
pub use workspace::info::{
    LastCommand, ResetTo, SecretInfo, WorkspaceDeleted, WorkspaceForks, WorkspaceInfo,
    WorkspaceList, WorkspaceResetInfo, WorkspaceSummary,
};
pub use workspace::logs::{LogEntry, WorkspaceLogs};
pub use workspace::secrets::{GivenSecret, SecretSource};
pub use workspace::update::UpdateRequest;

// Snapshots of workspaces.
pub use snapshot_name::{DiffPoint, Snapshot, SnapshotName, SnapshotNameError};
pub use workspace::snapshot::info::{SnapshotCreated, SnapshotDeleted, SnapshotInfo, SnapshotList};

// Services of workspaces.
pub use service_name::ServiceName;
pub use store::service::{ServiceState, StopReason};
pub use vm::control::readiness::Readiness;
pub use workspace::service::follow::ServiceOutputTo;
pub use workspace::service::info::{ServiceInfo, ServiceList, ServiceLogs};
pub use workspace::service::start::{StartServiceRequest, readiness};

// Disks of workspaces.
pub use workspace::disk::export::{DiskExport, DiskExportRequest, DiskFormat};
pub use workspace::disk::list::{DiskList, DiskListRequest};
pub use workspace::disk::path::DiskPath;
pub use workspace::disk::read::{DiskRead, DiskReadRequest};

// Shells of workspaces.
pub use workspace::shell::attach::AttachEnd;
pub use workspace::shell::info::{
    ScreenInfo as ShellScreen, ShellClosed, ShellInfo, ShellList, ShellRead, ShellSignalled,
    ShellWritten,
};
pub use workspace::shell::open::OpenShellRequest;
pub use workspace::shell::read::{ReadShellRequest, View as ShellView};
pub use workspace::shell::signal::ShellSignal;

// Files of workspaces.
pub use host::path::HostPath;
pub use store::workspace::{LeftOut, SeedRecord};
pub use workspace::files::WorkspacePath;
pub use workspace::files::diff::DiffRequest;
pub use workspace::files::diff_report::{DiffReport, DiffReportEntry, DiffSummary};
pub use workspace::files::export::{ExportFormat, ExportRequest, WorkspaceExport};
pub use workspace::files::list::{FileList, FileListRequest, ListedFile};
pub use workspace::files::patch_report::{PatchReport, PatchReportEntry, PatchSummary};
pub use workspace::files::place::PlaceError;
pub use workspace::files::push::{PushRequest, WorkspaceSync};
pub use workspace::files::push_report::Pushed;
pub use workspace::files::read::FileRead;
pub use workspace::files::seed::SeedRequest;
pub use workspace::files::write::FileWritten;

// Environments.
pub use environment::{
    CATALOG_VERSION, Environment, EnvironmentInfo, InstallStage, InstalledInfo, Progress, catalog,
    find_missing_program,
};

// This host: what it can do, and the published figures; their parts are in [`reports`].
pub use bench::{BenchProgress, BenchReport, BenchRequest};
pub use doctor::DoctorReport;

// What a surface needs of the host; its files are in [`host_files`].
pub use host::facts::memory_mib as host_memory_mib;
pub use host::process::{allow_open_files, is_ignored as is_signal_ignored};
pub use host::terminal::printable;

// For the processes that run as a supervisor, or read a disk.
#[doc(hidden)]
pub use disk::answer as answer_about_disk;
#[doc(hidden)]
pub use vm::control::starter::inherited_control;
#[doc(hidden)]
pub use vm::supervisor::SupervisorError;

/// Ranges and defaults of what a caller may ask for, and functions that check numbers against them.
///
/// A namespace: `timeout` and `lifetime` would be unclear at the root.
pub mod limits {
    pub use crate::vm::output::MAX_KEPT as MAX_KEPT_OUTPUT;
    pub use crate::vm::output::capture::BASE64_LIMIT as MAX_BASE64_OUTPUT;
    pub use crate::vm::shape::limits::{
        DEFAULT_MEM_MIB, DEFAULT_PAGE_LENGTH, DEFAULT_TIMEOUT_SECONDS, DEFAULT_TTL_SECONDS,
        DEFAULT_VCPU_COUNT, MEM_MIB, MIN_TTL_SECONDS, PAGE_LENGTH, VCPU_COUNT,
    };
    pub use crate::vm::shape::{lifetime, page_length, timeout};
    pub use crate::workspace::files::list::{DEFAULT_LISTED_FILES, MAX_LISTED_FILES};
    pub use crate::workspace::files::read::{DEFAULT_READ_BYTES, MAX_READ_BYTES};
    pub use crate::workspace::fork::MAX_FORKS;
    pub use crate::workspace::logs::{DEFAULT_LOG_ENTRIES, MAX_LOG_ENTRIES};
    pub use crate::workspace::service::limits::{
        DEFAULT_READY_INTERVAL_MS, DEFAULT_READY_TIMEOUT_SECONDS, DEFAULT_TAIL_LINES,
        ready_interval_ms, ready_timeout_seconds, tail_lines,
    };
    pub use crate::workspace::shell::limits::{
        DEFAULT_COLS, DEFAULT_MAX_CHARS, DEFAULT_ROWS, idle_ms, max_chars,
        nearest_size as nearest_terminal_size, size as terminal_size,
    };
}

/// The hints of a [`PyroError`], and how a surface puts them into its own words.
///
/// A namespace: only a program that renders errors needs it, and names such as `Call` and `Value`
/// would be unclear at the root.
pub mod hints {
    pub use crate::error::{
        Advice, Argument, Call, Hint, Next, OperationId, Parameter, Value, Wording, worded,
    };
}

/// The parts of a [`DoctorReport`] and of a [`BenchReport`].
///
/// A namespace: only a program that renders the reports needs it, and names such as `Check` and
/// `Unit` would be unclear at the root.
pub mod reports {
    pub use crate::bench::report::{HostFacts, Measure, Parallel, Ratio, Settings, Unit};
    pub use crate::bench::statistics::Summary;
    pub use crate::doctor::{
        BundleReport, Check, Health, KvmReport, NetworkingReport, RuntimeCapabilities,
        RuntimeReport,
    };
    pub use crate::vm::active::ActiveVms;
}

/// Files of the host: reads have a limit, and a file is written whole or not at all.
///
/// A namespace, as `std::fs` is: `metadata` and `rewrite` would be unclear at the root.
pub mod host_files {
    pub use crate::host::fs::{FsError, metadata, read_bounded, read_stdin_bounded};
    pub use crate::host::path::expanded;
    pub use crate::host::rewrite::{Readers, rewrite};
}
