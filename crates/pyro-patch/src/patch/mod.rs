//! Patches of git, plain ones and those of Codex, applied to values: whole or not at all.
//!
//! [`parse`] reads a patch, [`Plan`] says which paths to read, [`resolve`] decides everything
//! before anything is written.

mod apply;
mod budget;
mod error;
mod limits;
mod model;
mod parse;
mod path;
mod plan;
mod reject;
mod resolution;
mod resolve;
mod state;

pub use error::{ParseError, PatchError};
pub use limits::{FILE_BYTES, PatchLimits, TOTAL_BYTES};
pub use model::{Binary, BinaryData, Body, Change, FilePatch, Hunk, Line, Mark, Patch, Place};
pub use parse::parse;
pub use path::PathError;
pub use plan::Plan;
pub use reject::{HunkReject, Note, Reason, Reject, Rejected};
pub use resolution::{Action, PatchStatus, Resolution};
pub use resolve::resolve;
