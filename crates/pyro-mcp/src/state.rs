//! What a server is started with, and what all of its calls share.

use crate::contract::Profile;
use crate::ending::Ending;
use crate::grants::Grants;
use pyro_core::Pyro;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// What a server is started with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Which tools it offers.
    pub profile: Profile,
    /// What it may let calls reach.
    pub grants: Grants,
    /// How many calls work at once; others wait for their turn.
    pub at_once: usize,
    /// How many vms of the default shape its runtime keeps started; for what it tells the model.
    pub warm: usize,
    /// The home that a leading `~` of a host path stands for.
    pub home: Option<PathBuf>,
}

impl Settings {
    /// As many calls at once as suit this host: four for each CPU, and a GiB of memory for each.
    #[must_use]
    pub fn suitable_at_once() -> usize {
        let cpus = std::thread::available_parallelism().map_or(1, usize::from);
        let gib = usize::try_from(pyro_core::host_memory_mib() / 1024).unwrap_or(usize::MAX);
        (4 * cpus).min(gib).max(2)
    }
}

/// What all calls share.
pub(crate) struct State {
    pub(crate) pyro: Pyro,
    pub(crate) grants: Grants,
    pub(crate) home: Option<PathBuf>,
    pub(crate) at_once: usize,
    pub(crate) places: Arc<Semaphore>,
    /// Places of those beside them.
    pub(crate) asides: Arc<Semaphore>,
    pub(crate) ending: Ending,
    /// Whether there is a tool that reads what a result leaves out of an output.
    pub(crate) reads_outputs: bool,
    /// Whether a stopped workspace is started by its next call: no tool that is offered does it.
    pub(crate) wakes: bool,
}
