//! What other processes say to the supervisor of a vm, and how they start one.
//!
//! - `protocol`: the messages, both ways; host-only, frames as on the guest's wire.
//! - `client`: a running vm, reached through its supervisor's socket.
//! - `starter`: a supervisor's start, and the connection that its vm ends with.

pub mod client;
pub mod protocol;
pub mod starter;
