//! Removing what is left of a vm: its processes, its files, and last its record.

use crate::config::Config;
use crate::host::fs;
use crate::host::process::{self, ProcessId};
use crate::id::Id;
use crate::store::claim::give_up;
use crate::store::vm::VmRecord;
use crate::store::{Store, StoreError};
use crate::vm::error::VmError;
use crate::vm::paths;
use std::time::Duration;

/// How long a killed engine may take to be gone.
const KILL_LIMIT: Duration = Duration::from_secs(5);

/// How long a supervisor may take to kill its machine and clear away.
const SUPERVISOR_LIMIT: Duration = Duration::from_secs(10);

/// Tell a supervisor to end, and kill it where it does not within `limit`.
pub(in crate::vm) fn end_process(supervisor: ProcessId, limit: Duration) -> Result<(), VmError> {
    if supervisor.terminate_and_wait(limit) || supervisor.kill_and_wait(SUPERVISOR_LIMIT) {
        Ok(())
    } else {
        Err(VmError::Stuck)
    }
}

/// Remove everything of a vm that this process has claimed for that; where something resists it is
/// given up.
pub(in crate::vm) fn finish(config: &Config, store: &Store, vm: &VmRecord) -> Result<(), VmError> {
    let ended =
        vm.supervisor.map_or(Ok(()), |supervisor| end_process(supervisor, SUPERVISOR_LIMIT));
    ended.and_then(|()| clear_vm(config, store, vm)).inspect_err(|_| give_up(store, vm))
}

/// Remove everything of a vm that nobody attends to: its engine, its files, and last its record.
///
/// # Errors
/// When something of it stays.
pub fn clear_vm(config: &Config, store: &Store, vm: &VmRecord) -> Result<(), VmError> {
    // The kernel has killed the engine with its supervisor; this is for a kernel that did not get
    // to it yet.
    if let Some(engine) = vm.engine.filter(|_| vm.boot_id == process::boot_id())
        && !engine.kill_and_wait(KILL_LIMIT)
    {
        return Err(VmError::Stuck);
    }
    fs::remove_file(&config.runtime_dir.join(paths::socket_name(vm.id)))
        .map_err(VmError::Leftovers)?;
    fs::remove_tree(&paths::vm_dir(config, vm.id)).map_err(VmError::Leftovers)?;
    store.delete_vm(vm.id).map_err(|error: StoreError| error.into())
}

/// Remove a vm whose record cannot be understood: what can be read of its processes, its files, and
/// the record.
///
/// # Errors
/// When something of it stays.
pub fn clear_broken_vm(config: &Config, store: &Store, id: &str) -> Result<(), VmError> {
    let Some(broken) = store.broken_vm(id)? else { return Ok(()) };
    if !broken.processes.into_iter().all(|process| process.kill_and_wait(KILL_LIMIT)) {
        return Err(VmError::Stuck);
    }
    // Whatever else the key is, it is no name of a file.
    if let Ok(id) = Id::parse(id) {
        fs::remove_file(&config.runtime_dir.join(paths::socket_name(id)))
            .map_err(VmError::Leftovers)?;
        fs::remove_tree(&paths::vm_dir(config, id)).map_err(VmError::Leftovers)?;
    }
    Ok(store.delete_broken_vm(id)?)
}
