//! Looking at all vms.

use crate::config::Config;
use crate::host::clock;
use crate::store::Store;
use crate::store::vm::{VmKind, VmRecord};
use crate::vm::error::VmError;
use crate::vm::recover::reap;

/// Every vm that stays, oldest first, without the expired ones.
///
/// # Errors
/// When the records cannot be read.
pub fn list(config: &Config) -> Result<Vec<VmRecord>, VmError> {
    let store = Store::open(&config.data_dir)?;
    if let Err(error) = reap::clear_leftovers(config, &store) {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "leftovers wait for the next command"
        );
    }
    let now = clock::now();
    let vms = store.vms()?.into_iter().flatten();
    Ok(vms.filter(|vm| vm.kind == VmKind::Vm && !vm.is_expired(now)).collect())
}
