//! A vm for one purpose: recorded before it starts, and nothing of it left afterwards.

use super::error::VmError;
use super::launch::Launch;
use super::plan::Plan;
use super::shape::Shape;
use super::{admission, reap, record};
use crate::config::Config;
use crate::id::Id;
use crate::store::Store;
use crate::store::vm::{Change, VmKind, VmState};
use std::time::Duration;

/// How long a supervisor that closed its sockets may take to be gone.
const DEATH_LIMIT: Duration = Duration::from_secs(5);

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
        // However few are allowed, those that stand by leave places for vms that somebody waits for.
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
    let vm = match store.vm(id) {
        Ok(Some(vm)) => vm,
        Ok(None) => return,
        Err(error) => return tracing::warn!(%error, "cannot look for leftovers"),
    };
    // A dying process closes its sockets a moment before it is gone.
    if vm.supervisor.is_some_and(|supervisor| !supervisor.wait_gone(DEATH_LIMIT)) {
        return;
    }
    if let Err(error) = reap::clear_vm(config, store, &vm) {
        tracing::warn!(%error, "leftovers wait for the next command");
    }
}
