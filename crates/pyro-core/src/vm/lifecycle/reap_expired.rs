//! Deleting the vms whose lifetime is over.

use super::delete;
use super::gone::gone_is_fine;
use crate::config::Config;
use crate::host::clock;
use crate::id::Id;
use crate::store::Store;
use crate::store::vm::VmKind;
use crate::vm::error::VmError;

/// Delete every vm of this user whose lifetime is over, whoever created it; one that resists does
/// not stop the others. Blocks until they are gone.
///
/// # Errors
/// The first failure, after all others were deleted.
pub fn reap_expired(config: &Config) -> Result<Vec<Id>, VmError> {
    let store = Store::open(&config.data_dir)?;
    let now = clock::now();
    let expired =
        store.vms()?.into_iter().flatten().filter(|vm| vm.kind == VmKind::Vm && vm.is_expired(now));
    let (mut deleted, mut first_error) = (Vec::new(), None);
    for vm in expired {
        let id = vm.id;
        match delete::delete(config, &store, vm) {
            Ok(()) => deleted.push(id),
            Err(error) => {
                if let Err(error) = gone_is_fine(error) {
                    tracing::warn!(%id, %error, "cannot delete an expired vm");
                    first_error.get_or_insert(error);
                }
            }
        }
    }
    first_error.map_or(Ok(deleted), Err)
}
