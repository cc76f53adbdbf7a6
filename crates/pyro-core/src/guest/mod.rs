//! The guest as seen from the host: meeting its agent, the multiplexed channel, and one operation
//! on it.

pub mod archive;
pub mod boot;
pub mod client;
pub mod conversation;
pub mod file;
pub mod freeze;
pub mod patience;
pub mod stage;
pub mod transport;
pub mod tree;

/// The agent for guests and for the `host` engine, built with this crate (see `build.rs`).
pub static AGENT: &[u8] = include_bytes!(env!("PYRO_AGENT_PATH"));

/// SHA-256 of [`AGENT`] in hex.
#[must_use]
pub fn agent_digest() -> &'static str {
    env!("PYRO_AGENT_DIGEST")
}
