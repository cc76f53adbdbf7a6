//! Secrets of a workspace: given when it is created, handed to processes as variables, kept out of
//! what is told of them.

mod given;
mod kept;

pub(super) use given::checked;
pub use given::{GivenSecret, SecretSource};
pub use kept::Secrets;
pub(super) use kept::{inherit, keep, told};
