//! Real, disposable virtual machines for coding agents, on any Linux host, without root or a
//! daemon.
//!
//! [`Pyro`] has one method for each operation. The environments that machines boot from are
//! installed when they are first asked for, which takes minutes and the network; after that a
//! machine starts in a fraction of a second.
//!
//! Every machine has a supervisor, which is a process of its own: a `pyro` executable that is
//! started with the command `supervise`. [`Config`] names it, with the arguments that come before
//! that command: give it the path of an installed `pyro`, or of your own program if that hands
//! `supervise` to [`Pyro::supervise`].
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
//!     let ran = pyro.run(&request, None, OutputTo::Result, Caller::default()).await?;
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
//!     Caller, CancellationToken, Config, CreateRequest, DiffRequest, LineRequest, OutputTo, Pyro, PyroError,
//!     Snapshot,
//! };
//!
//! async fn change_and_look(config: Config) -> Result<(), PyroError> {
//!     let pyro = Pyro::new(config);
//!     let cancel = CancellationToken::new();
//!     let workspace = pyro.create_workspace(&CreateRequest::new("debian:12"), Caller::default()).await?;
//!     let id = workspace.workspace_id;
//!
//!     let line = LineRequest::new("echo hello > greeting && cat greeting");
//!     let ran = pyro.exec_workspace(id, line, None, OutputTo::Result, &cancel).await?;
//!     assert_eq!(ran.result.output.stdout, "hello\n");
//!
//!     let diff = pyro.diff_workspace(id, &DiffRequest::default(), &cancel).await?;
//!     assert_eq!(diff.entries[0].path, "greeting");
//!     assert!(diff.patch.contains("+hello"));
//!
//!     pyro.reset_workspace(id, Snapshot::Baseline, &cancel).await?;
//!     assert!(!pyro.diff_workspace(id, &DiffRequest::default(), &cancel).await?.changed);
//!     pyro.delete_workspace(id).await?;
//!     Ok(())
//! }
//! # fn main() { host::run(change_and_look) }
//! ```

pub mod archive;
pub mod backing;
pub mod bench;
pub mod config;
pub mod disk;
pub mod doctor;
pub mod engine;
pub mod environment;
pub mod error;
pub mod execution_mode;
pub mod guest;
pub mod host;
pub mod id;
pub mod pyro;
pub mod snapshot_name;
pub mod store;
pub mod timestamp;
pub mod vm;
pub mod workspace;

pub use backing::{Backing, ImageDigest};
pub use config::{Config, ConfigError, PyroProgram};
pub use error::{ErrorKind, Hint, PyroError, worded};
pub use execution_mode::ExecutionMode;
pub use id::{Id, IdError};
pub use pyro::Pyro;
pub use pyro_protocol::Secret;
pub use snapshot_name::{DiffPoint, Snapshot, SnapshotName};
pub use timestamp::Timestamp;
pub use tokio_util::sync::CancellationToken;
pub use vm::line::Variable;
pub use vm::output::{OutputTo, OutputWatch, Stream};
pub use vm::{
    Caller, CommandOutput, CommandResult, ExecOptions, LineRequest, RunRequest, Shape, VmDeleted,
    VmExec, VmInfo, VmRequest,
};
pub use workspace::create::CreateRequest;
pub use workspace::exec::WorkspaceExec;
pub use workspace::files::diff::DiffRequest;
pub use workspace::files::diff_report::DiffReport;
pub use workspace::info::{
    WorkspaceDeleted, WorkspaceForks, WorkspaceInfo, WorkspaceList, WorkspaceResetInfo,
};
pub use workspace::snapshot::info::{SnapshotCreated, SnapshotDeleted, SnapshotInfo, SnapshotList};
