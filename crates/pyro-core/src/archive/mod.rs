//! Archives that other programs make and read: tar files, plain or compressed, from and to a stream of records.

mod compression;
mod pax;
mod read;
mod write;

pub use read::{Sent, TarError, TreeName, send};
pub use write::TarWriter;
