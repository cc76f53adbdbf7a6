//! Virtual machines: their limits, their start through a supervisor, commands in them, and what
//! happens to leftovers.

pub mod active;
mod blocking;
pub mod caller;
pub mod control;
pub mod error;
pub mod exec;
pub mod failure;
pub mod host_tree;
pub mod info;
pub mod io;
pub mod lifecycle;
mod limits;
mod one_shot;
pub mod operation;
pub mod output;
pub mod paths;
pub mod plan;
pub mod prepare;
pub mod recover;
pub mod result;
pub mod run;
pub mod secrets;
pub mod shape;
pub mod standby;
pub mod supervisor;
pub mod template;
pub mod timeline;

pub(crate) use blocking::blocking;
pub use caller::Caller;
pub use error::VmError;
pub use exec::line;
pub use exec::line::{ExecOptions, LineRequest};
pub use info::{VmDeleted, VmExec, VmInfo};
pub use lifecycle::create::VmRequest;
pub use lifecycle::network_info::VmNetworkInfo;
pub use result::{CommandOutput, CommandResult};
pub use run::RunRequest;
pub use shape::Shape;
