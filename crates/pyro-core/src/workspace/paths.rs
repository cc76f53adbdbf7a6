//! Where the files of a workspace are: in its guest, and on the host.

use crate::config::Config;
use crate::guest::stage;
use crate::id::Id;
use crate::vm::paths;
use std::path::PathBuf;

pub use crate::vm::host_tree::ROOT;

/// Where the agent keeps changes that are not in force yet.
pub const STAGES: &str = stage::AREA;

/// Files of one workspace that are neither records nor layers.
#[must_use]
pub fn directory(config: &Config, id: Id) -> PathBuf {
    paths::workspace_dir(config, id)
}
