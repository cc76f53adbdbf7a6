//! Archives that other programs make and read: tar files, plain or compressed, from and to a stream of records.

mod compression;
mod read;
mod write;

pub use read::{TarError, send};
pub use write::TarWriter;
