//! Workspaces: vms that stay, with `/workspace`, a history, a baseline, and a disk of layers that others can stand on.

pub mod background;
mod claim;
pub mod create;
pub mod delete;
mod ended;
pub mod error;
pub mod exec;
pub mod files;
pub mod fork;
pub mod git_dir;
pub mod ignore;
pub mod info;
pub mod label;
pub mod list;
pub mod logs;
mod on_host;
mod open_command;
mod outputs;
pub mod reconcile;
pub mod reset;
mod rest;
pub mod running;
pub mod start;
pub mod status;
pub mod stop;
pub mod update;

#[cfg(test)]
mod tests;

pub use ended::explained;
pub use error::WorkspaceError;

/// Where a workspace's files are in its guest.
pub const ROOT: &str = "/workspace";

/// Where the agent keeps changes that are not in force yet.
pub const STAGES: &str = crate::guest::stage::AREA;
