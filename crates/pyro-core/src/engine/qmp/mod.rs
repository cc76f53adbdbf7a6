//! QMP, the language of QEMU's monitor: the connection and what is said on it.

mod error;
pub mod monitor;
mod wire;
