//! Disks as files of the host: a stopped or closed one read without mounting it.

pub mod offline;

pub use offline::{DiskError, OfflineDisk};
