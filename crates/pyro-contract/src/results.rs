//! Results that core gives as bare lists, as the contract has them.

use pyro_core::Id;
use serde::Serialize;

/// What `prune_environments` removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pruned {
    /// How many.
    pub count: usize,
    /// Their names, sorted.
    pub deleted_environment_dirs: Vec<String>,
}

impl From<Vec<String>> for Pruned {
    fn from(names: Vec<String>) -> Self {
        Self { count: names.len(), deleted_environment_dirs: names }
    }
}

/// The vms that `reap_expired` deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reaped {
    /// How many.
    pub count: usize,
    /// Their ids.
    pub deleted_vm_ids: Vec<Id>,
}

impl From<Vec<Id>> for Reaped {
    fn from(ids: Vec<Id>) -> Self {
        Self { count: ids.len(), deleted_vm_ids: ids }
    }
}
