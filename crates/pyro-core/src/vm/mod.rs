//! Virtual machines: their limits, their start through a supervisor, commands in them, and what happens to leftovers.

pub mod error;
pub mod exec;
pub mod launch;
mod one_shot;
pub mod output;
pub mod paths;
pub mod plan;
pub mod prepare;
pub mod reap;
pub mod run;
pub mod running;
pub mod shape;
pub mod supervisor;
pub mod template;
pub mod timeline;

pub use error::VmError;
pub use run::{RunOutcome, RunRequest};
pub use shape::Shape;
