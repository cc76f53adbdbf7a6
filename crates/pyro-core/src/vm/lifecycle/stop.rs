//! Stopping a vm: the guest writes its disk back and ends; the disk is kept.

use super::claim::claim;
use super::gone::gone;
use crate::config::Config;
use crate::store::Store;
use crate::store::vm::{VmRecord, VmState};
use crate::vm::error::VmError;
use crate::vm::limits::POWER_OFF_LIMIT;
use crate::vm::operation::Operation;
use crate::vm::recover::clear::end_process;
use crate::vm::recover::reconcile::put_down;
use std::time::Duration;

/// How long its supervisor may take beyond that.
const SUPERVISOR_LIMIT: Duration = Duration::from_secs(10);

/// Stop `vm`. Blocks until nothing of it runs.
///
/// # Errors
/// [`VmError::WrongState`] or [`VmError::Changing`] when somebody else was first.
pub fn stop(config: &Config, store: &Store, vm: VmRecord) -> Result<VmRecord, VmError> {
    let vm = claim(store, vm, Operation::Stop, VmState::Stopping, None)?;
    await_end(config, store, &vm)
}

/// Wait for the end of a vm that is stopping, whoever wanted that. Blocks until nothing of it runs.
///
/// # Errors
/// When it resists.
pub fn await_end(config: &Config, store: &Store, vm: &VmRecord) -> Result<VmRecord, VmError> {
    if let Some(supervisor) = vm.supervisor {
        end_process(supervisor, POWER_OFF_LIMIT + SUPERVISOR_LIMIT)?;
    }
    let now = store.vm(vm.id)?.ok_or_else(|| gone(vm))?;
    if now.revision == vm.revision {
        // It did not put itself away: it was killed, by us or by somebody else.
        put_down(config, store, &now, "its supervisor was killed while it stopped")?;
    }
    store.vm(vm.id)?.ok_or_else(|| gone(vm))
}
