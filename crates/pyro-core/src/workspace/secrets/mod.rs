//! Secrets of a workspace: given when it is created, handed to processes as variables, kept out of
//! what is told of them.

mod given;
mod kept;

pub use crate::vm::secrets::SecretSource;
pub use given::GivenSecret;
pub(super) use given::checked;
pub use kept::Secrets;
pub(super) use kept::{inherit, keep, told};
