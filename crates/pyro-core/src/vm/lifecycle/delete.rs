//! Deleting a vm, whatever it is at: its processes end, then its files and its record go.

use super::claim::claim;
use super::reconcile::{Verdict, judge, settle};
use super::stop::end_process;
use crate::config::Config;
use crate::store::Store;
use crate::store::claim::give_up;
use crate::store::vm::{VmRecord, VmState};
use crate::vm::error::VmError;
use crate::vm::operation::Operation;
use crate::vm::reap::clear_vm;
use std::time::Duration;

/// How long a supervisor may take to kill its machine and clear away.
const SUPERVISOR_LIMIT: Duration = Duration::from_secs(10);

/// Delete `vm`. Blocks until nothing of it is left.
///
/// # Errors
/// [`VmError::Changing`] when somebody else deletes it, [`VmError::Leftovers`] when something of it stays: then the next
/// command goes on with it.
pub fn delete(config: &Config, store: &Store, vm: VmRecord) -> Result<(), VmError> {
    if vm.state == VmState::Deleting && judge(&vm) == Verdict::Remove {
        // Whoever began with it died, or gave it up.
        let gone = settle(config, store, &vm)?;
        return if gone { Ok(()) } else { Err(VmError::Changing { id: vm.id, state: vm.state }) };
    }
    let vm = claim(store, vm, Operation::Delete, VmState::Deleting, None)?;
    finish(config, store, &vm)
}

/// Remove everything of a vm that this process has claimed for that; where something resists it is given up.
pub(super) fn finish(config: &Config, store: &Store, vm: &VmRecord) -> Result<(), VmError> {
    let ended = vm.supervisor.map_or(Ok(()), |supervisor| end_process(supervisor, SUPERVISOR_LIMIT));
    ended.and_then(|()| clear_vm(config, store, vm)).inspect_err(|_| give_up(store, vm))
}
