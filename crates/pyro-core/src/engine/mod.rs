//! Engines: what runs a machine. `qemu` runs guests; `host` runs the agent as a plain process of
//! the host.

mod error;
pub mod host;
pub mod machine;
pub mod qemu;
pub mod qmp;
pub mod spec;

pub use error::EngineError;
pub use machine::Machine;
pub use spec::Accel;
