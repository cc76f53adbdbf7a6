//! The server in this process, spoken to line by line as a client does, without guests.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    missing_docs,
    unreachable_pub,
    reason = "these are tests"
)]

mod client;
mod contract;
mod defaults;
mod http;
mod instructions;
mod messages;
mod on_host;
mod paths;
mod protocol;
mod size;
