//! A workspace's files: seeded, pushed, listed, read, written, patched, compared, exported.

pub mod apply;
pub(in crate::workspace) mod base;
pub mod baseline;
mod between;
pub mod compare;
pub mod contents;
pub mod diff;
pub mod diff_report;
mod diff_request;
pub mod export;
mod export_error;
mod follow;
pub mod git_guard;
mod hidden;
mod learned;
pub mod list;
pub(in crate::workspace) mod listing;
mod masked;
mod mirror;
pub mod patch_report;
pub mod patch_steps;
pub(in crate::workspace) mod proof;
pub mod push;
pub mod push_plan;
pub mod push_report;
pub mod read;
pub mod seed;
mod sides;
pub mod write;

pub use super::file_error::FileError;
pub use super::place::{self, WorkspacePath};
pub use super::source;
