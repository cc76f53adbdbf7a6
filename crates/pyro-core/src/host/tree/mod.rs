//! Trees on the host: a directory or file as a stream of records, and such a stream as a new tree
//! that appears whole.
//!
//! Neither direction follows a link below its root, and nothing outside of the tree is touched.

mod error;
mod read;
mod receive;

pub use error::{HostTreeError, Refusal};
pub use read::{digests, list, look, measure, read, send, send_listed, send_watched};
pub use receive::{Allowance, Receiver};
