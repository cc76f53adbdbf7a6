//! The guest as seen from the host: meeting its agent, the multiplexed channel, and one operation
//! on it.

pub mod agent;
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
