//! Changes as a patch that `git apply` and [`patch`](crate::patch) take back.
//!
//! [`DiffBuilder`] takes the two sides of each path, one at a time, and keeps only the text that it
//! makes of them.

mod builder;
mod changes;
mod compare;
mod entry;
mod header;
mod hunks;
mod left_out;
mod literal;
mod options;
mod renames;

pub use builder::{Diff, DiffBuilder};
pub use entry::{Entry, Form, Status};
pub use options::DiffOptions;
