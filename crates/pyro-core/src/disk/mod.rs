//! Disks as files of the host: a stopped or closed one read without mounting it.

mod backing_name;
pub mod merge;
pub mod offline;

pub use backing_name::set_backing_name;
pub use merge::merge;
pub use offline::{DiskError, OfflineDisk};
