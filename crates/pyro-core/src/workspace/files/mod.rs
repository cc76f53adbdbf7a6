//! A workspace's files: seeded, pushed, listed, read, written, patched, compared, exported.

pub mod apply;
mod base;
pub mod baseline;
pub mod compare;
pub mod contents;
pub mod diff;
pub mod error;
pub mod export;
pub mod git_guard;
pub mod graft;
mod hidden;
pub mod list;
pub mod patch_steps;
pub mod place;
pub mod push;
pub mod push_plan;
pub mod read;
pub mod seed;
pub mod source;
mod steady;
pub mod write;

pub use error::FileError;
pub use place::WorkspacePath;
