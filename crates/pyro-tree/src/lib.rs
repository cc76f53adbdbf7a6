//! Trees of files, read into a stream of records and made from one, by few plain system calls.
//!
//! Both ends of an archive are this code: the agent packs and unpacks in the guest, core on the
//! host. Everything is done relative to an open directory, name by name, and no link is ever
//! followed, so nothing outside of the tree is reached whatever else changes the tree meanwhile.

pub mod attributes;
pub mod descent;
mod error;
mod names;
pub mod node;
pub mod pack;
pub mod place;
pub mod sparse;
pub mod walk;

pub use error::TreeError;
pub use names::Names;
pub use pack::pack;
pub use place::{Odd, Placed, Placer, Placing};
pub use walk::{Walk, WalkOptions};
