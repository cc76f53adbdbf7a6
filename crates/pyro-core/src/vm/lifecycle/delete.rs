//! Deleting a vm, whatever it is at: its processes end, then its files and its record go.

use super::claim::claim;
use crate::config::Config;
use crate::store::Store;
use crate::store::vm::{VmRecord, VmState};
use crate::vm::error::VmError;
use crate::vm::operation::Operation;
use crate::vm::recover::clear::finish;
use crate::vm::recover::reconcile::{Verdict, judge, settle};

/// Delete `vm`. Blocks until nothing of it is left.
///
/// # Errors
/// [`VmError::Changing`] when somebody else deletes it, [`VmError::Leftovers`] when something of it
/// stays: then the next command goes on with it.
pub fn delete(config: &Config, store: &Store, vm: VmRecord) -> Result<(), VmError> {
    if vm.state == VmState::Deleting && judge(&vm) == Verdict::Remove {
        // Whoever began with it died, or gave it up.
        let gone = settle(config, store, &vm)?;
        return if gone { Ok(()) } else { Err(VmError::Changing { id: vm.id, state: vm.state }) };
    }
    let vm = claim(store, vm, Operation::Delete, VmState::Deleting, None)?;
    finish(config, store, &vm)
}
