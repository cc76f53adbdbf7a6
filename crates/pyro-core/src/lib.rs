//! The pyro runtime: environments that virtual machines boot from, and the machines' whole life.
//!
//! Start at [`Pyro`]. A module uses only modules below it in `ARCHITECTURE.md`'s table; `cargo xtask check` holds it.

pub mod archive;
pub mod backing;
pub mod bench;
pub mod config;
pub mod disk;
pub mod doctor;
pub mod engine;
pub mod environment;
pub mod error;
pub mod execution_mode;
pub mod guest;
pub mod host;
pub mod id;
pub mod pyro;
pub mod store;
pub mod timestamp;
pub mod vm;
pub mod workspace;

pub use backing::{Backing, ImageDigest};
pub use config::Config;
pub use error::{ErrorKind, Hint, PyroError, worded};
pub use execution_mode::ExecutionMode;
pub use pyro::Pyro;
pub use timestamp::Timestamp;
