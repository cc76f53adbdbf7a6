//! Before a vm starts: what it is started with, its record, and whether there is a place for it.

pub mod admission;
mod machine;
pub mod record;

pub use machine::{Plan, kvm_verdict, plan};
