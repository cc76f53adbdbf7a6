//! Patches of git, plain ones and those of Codex, applied to values: whole or not at all.
//!
//! [`parse`](parse::parse) reads a patch, [`Plan`] says which paths to read, [`resolve`](resolve::resolve) decides
//! everything before anything is written.

pub mod apply;
pub mod budget;
pub mod error;
pub mod limits;
pub mod model;
pub mod parse;
pub mod path;
pub mod plan;
pub mod reject;
pub mod resolve;
mod state;

pub use error::{ParseError, PatchError};
pub use limits::PatchLimits;
pub use model::{FilePatch, Patch};
pub use plan::Plan;
pub use reject::{Reject, Rejected};
pub use resolve::{Action, PatchStatus, Resolution};
