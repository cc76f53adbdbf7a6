//! What other processes say to the supervisor of a vm, and how they start one.
//!
//! - `protocol`: the messages, both ways; host-only, frames as on the guest's wire.
//! - `client`: a running vm, reached through its supervisor's socket.
//! - `shells`, `shell_client`: the same about its shells.
//! - `services`, `readiness`, `service_client`: the same about its services.
//! - `starter`: a supervisor's start, and the connection that its vm ends with.

pub mod client;
pub mod protocol;
pub mod readiness;
pub mod service_client;
pub mod services;
pub mod shell_client;
pub mod shells;
pub mod starter;
