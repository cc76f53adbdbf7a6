//! Disks as files of the host: a stopped or closed one read without mounting it.

pub mod merge;
pub mod offline;

pub use merge::merge;
pub use offline::{DiskError, OfflineDisk};
