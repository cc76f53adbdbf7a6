//! A vm for one purpose: recorded before it starts, and nothing of it left afterwards.

use super::control::protocol::Launch;
use super::error::VmError;
use super::plan::Plan;
use super::plan::{admission, record};
use super::recover::clear;
use super::shape::Shape;
use crate::config::Config;
use crate::id::Id;
use crate::store::Store;
use crate::store::claim::Claimable;
use crate::store::vm::{Change, VmKind, VmRecord, VmState};
use std::time::Duration;

/// How long a supervisor that closed its sockets may take to be gone.
const DEATH_LIMIT: Duration = Duration::from_secs(20);

/// Record a vm of this process that ends with it; one that stands by has no other end.
///
/// # Errors
/// When the records cannot be written, or as many vms as are allowed are active.
pub(super) fn record(
    config: &Config,
    store: &Store,
    kind: VmKind,
    environment: &str,
    shape: Shape,
    plan: Plan,
) -> Result<Launch, VmError> {
    let mut vm = record::new(kind, VmState::Starting, environment, shape, &plan)?;
    if kind == VmKind::Standby {
        vm.expires_at = None;
    }
    let max = match kind {
        // However few are allowed, those that stand by leave places for vms that somebody waits
        // for.
        VmKind::Standby => admission::max_active(config) / 2,
        _ => admission::max_active(config),
    };
    match store.insert_vm(&vm, Some(max))? {
        Change::Full => Err(VmError::TooManyActive { max }),
        Change::Made(_) | Change::Lost => Ok(record::launch(config, &vm, plan.engine)),
    }
}

/// A supervisor clears away its own vm; this is for one that was killed, or that never came to be.
pub(super) fn clear_if_abandoned(config: &Config, store: &Store, id: Id) {
    let cleared =
        ended(store, id).and_then(|vm| vm.map_or(Ok(()), |vm| clear::clear_vm(config, store, &vm)));
    if let Err(error) = cleared {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "leftovers wait for the next command"
        );
    }
}

/// The vm's record, once it can have no supervisor any more; none when one has cleared it away, or
/// still does.
fn ended(store: &Store, id: Id) -> Result<Option<VmRecord>, VmError> {
    while let Some(vm) = store.vm(id)? {
        match vm.supervisor {
            // A dying process closes its sockets a moment before it is gone.
            Some(supervisor) if supervisor.wait_gone(DEATH_LIMIT) => return Ok(store.vm(id)?),
            Some(_) => return Ok(None),
            // One that is on its way takes no record that was changed.
            None => {
                let claimed = vm.claimed(VmState::Deleting).write(store)?;
                if claimed.is_some() {
                    return Ok(claimed);
                }
            }
        }
    }
    Ok(None)
}
