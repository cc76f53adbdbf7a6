//! The disk of a workspace, without a guest: listed, read and exported.

pub mod export;
pub mod list;
pub mod path;
pub mod read;
mod source;
