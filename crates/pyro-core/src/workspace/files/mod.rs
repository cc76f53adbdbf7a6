//! A workspace's files: seeded, pushed, listed, read, written, patched, compared, exported.

pub mod apply;
mod base;
pub mod baseline;
pub mod compare;
pub mod contents;
pub mod diff;
pub mod diff_report;
pub mod export;
mod follow;
pub mod git_guard;
mod hidden;
mod learned;
pub mod list;
mod mirror;
pub mod patch_report;
pub mod patch_steps;
pub(in crate::workspace) mod proof;
pub mod push;
pub mod push_plan;
pub mod push_report;
pub mod read;
pub mod seed;
pub mod write;

pub use super::file_error::FileError;
pub use super::place::{self, WorkspacePath};
pub use super::source;
