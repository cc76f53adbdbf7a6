//! Formats of git that diffs, patches and exports need: names, modes, ids, settings, indexes, rules
//! of what is ignored.
//!
//! A guest may have written what is read here: nothing of it makes a reader take more memory or
//! time than its bounds say.

mod bare;
pub(crate) mod base85;
pub(crate) mod blob;
pub mod config;
pub(crate) mod dir;
mod index;
pub mod inert;
mod mode;
pub mod quote;
mod rules;
pub(crate) mod text;

pub use bare::BareRepositories;
pub use blob::{BlobHasher, BlobId};
pub use index::{Index, Tracked};
pub use mode::GitMode;
pub use rules::Rules;
