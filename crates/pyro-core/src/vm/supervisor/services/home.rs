//! `Home`: the vm that has services.

use crate::config::Config;
use crate::execution_mode::ExecutionMode;
use crate::id::Id;
use std::path::PathBuf;

/// Which vm it is that has services.
#[derive(Clone, Debug)]
pub(in super::super) struct Home {
    pub(in super::super) config: Config,
    pub(in super::super) vm: Id,
    pub(in super::super) execution_mode: ExecutionMode,
    /// Where its workspace's files are, where it has no guest.
    pub(in super::super) tree: Option<PathBuf>,
}
