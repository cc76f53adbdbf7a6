//! Workspaces: vms that stay, with `/workspace`, a history, a baseline, and a disk of layers that
//! others can stand on.

pub mod background;
mod claim;
pub mod create;
pub mod delete;
pub mod disk;
mod ended;
pub mod error;
pub mod exec;
mod file_error;
pub mod files;
pub mod fork;
pub mod git_dir;
pub mod ignore;
pub mod info;
pub mod label;
mod layers;
mod limits;
pub mod list;
pub mod logs;
mod merge;
mod on_host;
mod open_command;
mod outputs;
pub mod paths;
pub mod place;
pub mod reconcile;
pub mod reset;
mod rest;
pub mod running;
pub mod secret_error;
pub mod secrets;
pub mod service;
pub mod service_error;
pub mod shell;
pub mod shell_error;
pub mod snapshot;
pub mod source;
pub mod start;
pub mod status;
pub mod stop;
mod stopped;
pub mod update;

#[cfg(test)]
mod tests;

pub use ended::explained;
pub use error::WorkspaceError;
pub use paths::ROOT;
