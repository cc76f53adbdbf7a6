//! A vm that is not there any more.

use crate::host::clock;
use crate::store::vm::{VmKind, VmRecord};
use crate::vm::error::VmError;

/// Whether its lifetime is over.
pub(super) fn is_over(vm: &VmRecord) -> bool {
    vm.kind == VmKind::Vm && vm.is_expired(clock::now())
}

/// That a vm which was there a moment ago is not: its lifetime may have ended since, or somebody
/// deleted it.
pub(super) fn gone(vm: &VmRecord) -> VmError {
    match is_over(vm) {
        true => VmError::Expired { id: vm.id, ttl_seconds: vm.ttl_seconds },
        false => VmError::NoSuchVm { id: vm.id },
    }
}

/// Somebody else removed it, or is about to.
pub(super) fn gone_is_fine(error: VmError) -> Result<(), VmError> {
    match error {
        VmError::NoSuchVm { .. } | VmError::Changing { .. } => Ok(()),
        error => Err(error),
    }
}
