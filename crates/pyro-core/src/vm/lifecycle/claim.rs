//! Claiming a vm for a change: of many who want it at once, one has it, and no lock is held meanwhile.

use super::gone;
use super::state::{self, Operation};
use crate::store::Store;
use crate::store::vm::{Change, VmRecord, VmState};
use crate::vm::error::VmError;

/// How often a claim is tried against others who change the record.
const TRIES: usize = 16;

/// Put `vm` into `to` on behalf of this process, unless its state has come to be one that `operation` does not take.
///
/// # Errors
/// [`VmError::WrongState`] or [`VmError::Changing`] when somebody else was first, [`VmError::NoSuchVm`] or
/// [`VmError::Expired`] when it is gone, [`VmError::TooManyActive`].
pub(super) fn claim(
    store: &Store,
    mut vm: VmRecord,
    operation: Operation,
    to: VmState,
    max_active: Option<u32>,
) -> Result<VmRecord, VmError> {
    for _ in 0..TRIES {
        state::check(&vm, operation)?;
        let claimed = vm.claimed(to);
        match store.change_vm(&claimed, max_active)? {
            Change::Made(revision) => return Ok(VmRecord { revision, ..claimed }),
            Change::Full => return Err(VmError::TooManyActive { max: max_active.unwrap_or_default() }),
            Change::Lost => vm = store.vm(vm.id)?.ok_or_else(|| gone(&vm))?,
        }
    }
    Err(VmError::Changing { id: vm.id, state: vm.state })
}
