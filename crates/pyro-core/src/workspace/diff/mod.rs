//! Changes as a patch that `git apply` and `patch apply` take back.
//!
//! [`DiffBuilder`] takes the two sides of each path, one at a time, and keeps only the text that it makes of them.

pub mod builder;
mod changes;
pub mod entry;
mod header;
mod hunks;
mod left_out;
mod literal;
pub mod options;
mod renames;

pub use builder::{Diff, DiffBuilder};
pub use changes::Effort;
pub use entry::{Entry, Form, Status, diff_path};
pub use options::DiffOptions;
