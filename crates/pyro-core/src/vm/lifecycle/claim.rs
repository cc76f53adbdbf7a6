//! Claiming a vm for the way to its next state.

use super::gone::gone;
use super::state;
use crate::store::vm::{Change, VmRecord, VmState};
use crate::store::{Store, claim as claims};
use crate::vm::error::VmError;
use crate::vm::operation::Operation;

/// Put `vm` into `to` on behalf of this process, unless its state has come to be one that
/// `operation` does not take.
///
/// # Errors
/// [`VmError::WrongState`] or [`VmError::Changing`] when somebody else was first,
/// [`VmError::NoSuchVm`] or [`VmError::Expired`] when it is gone, [`VmError::TooManyActive`].
pub(super) fn claim(
    store: &Store,
    vm: VmRecord,
    operation: Operation,
    to: VmState,
    max_active: Option<u32>,
) -> Result<VmRecord, VmError> {
    let attempt = |vm: &VmRecord| {
        state::check(vm, operation)?;
        let claimed = vm.claimed(to);
        match store.change_vm(&claimed, max_active)? {
            Change::Made(revision) => Ok(Some(VmRecord { revision, ..claimed })),
            Change::Full => Err(VmError::TooManyActive { max: max_active.unwrap_or_default() }),
            Change::Lost => Ok(None),
        }
    };
    let busy = |vm: &VmRecord| VmError::Changing { id: vm.id, state: vm.state };
    claims::claim(store, vm, attempt, gone, busy)
}
