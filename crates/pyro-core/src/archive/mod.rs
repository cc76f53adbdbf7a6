//! Archives that other programs make and read: tar files, plain or compressed, from and to a stream
//! of records.

mod bounded;
mod compression;
mod error;
mod name;
mod pax;
mod read;
mod write;

pub use error::TarError;
pub use read::{Sent, send};
pub use write::TarWriter;
