//! Snapshots of a workspace: its whole disk at one moment, under a name, for resets and diffs.

pub mod create;
pub mod delete;
pub mod info;
pub mod list;

#[cfg(test)]
mod tests;
