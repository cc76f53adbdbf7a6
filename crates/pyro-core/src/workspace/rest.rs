//! Waiting for what others are doing to a workspace, living or dead: within limits, and never for a
//! dead process.

use super::claim::claim;
use super::error::WorkspaceError;
use super::limits::{LOOK, TURN_LIMIT};
use crate::config::Config;
use crate::id::Id;
use crate::store::Store;
use crate::store::vm::{VmRecord, VmState};
use crate::store::workspace::{WorkspaceChange, WorkspaceRecord};
use crate::vm::recover::reconcile;
use crate::vm::{blocking, lifecycle};
use std::time::{Duration, Instant};

/// How long the supervisor of a dead starter may take to see that, and to put its vm away.
const REST_LIMIT: Duration = Duration::from_secs(60);

/// Claim a workspace for `change` as soon as nobody else has it; one that is being deleted is not
/// waited for.
///
/// # Errors
/// [`WorkspaceError::Changing`] when somebody else has it for too long.
pub(super) async fn claim_in_turn(
    config: &Config,
    store: &Store,
    id: Id,
    change: WorkspaceChange,
) -> Result<WorkspaceRecord, WorkspaceError> {
    let deadline = Instant::now() + TURN_LIMIT;
    loop {
        match claim(config, store, id, change) {
            Err(WorkspaceError::Changing { change, .. })
                if change != WorkspaceChange::Deleting && Instant::now() < deadline =>
            {
                tokio::time::sleep(LOOK).await;
            }
            claimed => return claimed,
        }
    }
}

/// The vm of a workspace that this process has claimed, after whatever a dead process began with it
/// has come to its end.
///
/// # Errors
/// When something resists.
pub(super) async fn vm_at_rest(
    config: &Config,
    vm: Option<Id>,
) -> Result<Option<VmRecord>, WorkspaceError> {
    let Some(vm) = vm else { return Ok(None) };
    let config = config.clone();
    blocking(move || Ok(at_rest(&config, &Store::open(&config.data_dir)?, vm))).await?
}

/// As [`vm_at_rest`]. Blocks.
///
/// # Errors
/// When something resists.
pub(super) fn at_rest(
    config: &Config,
    store: &Store,
    vm: Id,
) -> Result<Option<VmRecord>, WorkspaceError> {
    let deadline = Instant::now() + REST_LIMIT;
    loop {
        let Some(vm) = store.vm(vm)? else { return Ok(None) };
        if vm.state == VmState::Stopping && vm.supervisor.is_some() {
            // Whoever told it to stop died meanwhile.
            return Ok(Some(lifecycle::stop::await_end(config, store, &vm)?));
        }
        let is_late = Instant::now() >= deadline;
        if reconcile::settle(config, store, &vm)? && !is_late {
            continue;
        }
        match (vm.state, vm.supervisor) {
            (VmState::Stopping, _) => {
                return Ok(Some(lifecycle::stop::await_end(config, store, &vm)?));
            }
            // It ends when it sees that its starter is gone, unless it was ready in that very
            // moment.
            (VmState::Starting, Some(supervisor)) if !is_late => drop(supervisor.wait_gone(LOOK)),
            (VmState::Starting, None) if !is_late => drop(vm.owner.wait_gone(LOOK)),
            _ => return Ok(Some(vm)),
        }
    }
}
