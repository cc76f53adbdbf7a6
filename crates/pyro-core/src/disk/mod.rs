//! Disks as files of the host: a stopped or closed one read without mounting it.

mod ask;
mod backing_name;
mod chain;
pub mod error;
pub mod export;
pub mod fault;
pub mod merge;
mod node;
pub mod offline;
pub mod page;
pub mod part;
mod superblock;
mod way;

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "tests make disks with programs of the host")]
mod tests;

pub use ask::{DiskAnswer, DiskQuery, answer, ask};
pub use backing_name::set_backing_name;
pub use error::DiskError;
pub use fault::DiskFault;
pub use merge::merge;
pub use node::Node;
pub use offline::OfflineDisk;
