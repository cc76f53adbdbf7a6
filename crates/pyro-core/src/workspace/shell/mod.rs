//! Shells: interactive sessions in a workspace, which go on when whoever opened them has ended.

pub mod attach;
pub mod close;
pub mod info;
pub mod limits;
pub mod list;
pub mod open;
pub mod read;
mod reply;
pub mod resize;
pub mod signal;
pub mod write;
