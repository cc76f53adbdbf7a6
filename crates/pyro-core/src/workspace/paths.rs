//! Where the files of a workspace are: in its guest, and on the host.

use crate::config::Config;
use crate::guest::stage;
use crate::id::Id;
use std::path::PathBuf;

/// Where a workspace's files are in its guest.
pub const ROOT: &str = "/workspace";

/// Where the agent keeps changes that are not in force yet.
pub const STAGES: &str = stage::AREA;

/// Files of one workspace that are neither records nor layers.
#[must_use]
pub fn directory(config: &Config, id: Id) -> PathBuf {
    config.data_dir.join("workspaces").join(id.to_string())
}
