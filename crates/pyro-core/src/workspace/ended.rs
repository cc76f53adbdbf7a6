//! Why an operation broke off: what became of the workspace's vm says more than the broken
//! connection that told of it.

use super::claim::find;
use super::error::WorkspaceError;
use super::limits::LOOK;
use crate::config::Config;
use crate::guest::client::ClientError;
use crate::host::clock;
use crate::id::Id;
use crate::store::Store;
use crate::store::vm::VmState;
use crate::store::workspace::WorkspaceChange;
use crate::timestamp::Timestamp;
use crate::vm::VmError;
use crate::vm::blocking;
use crate::vm::recover::reconcile;
use std::io;
use std::time::{Duration, Instant};

/// How long a supervisor may take to put its ended vm away: a killed engine that waits for a busy
/// disk ends only after that.
const END_LIMIT: Duration = Duration::from_secs(30);

/// The result of an operation on a workspace that runs, with a better reason where it breaks off.
///
/// # Errors
/// As `operation`; [`WorkspaceError::EndedMeanwhile`] when the vm has ended under it,
/// [`WorkspaceError::NoSuchWorkspace`] when the workspace was deleted under it.
pub async fn explained<T>(
    config: &Config,
    id: Id,
    operation: impl Future<Output = Result<T, WorkspaceError>>,
) -> Result<T, WorkspaceError> {
    let began = clock::now();
    match operation.await {
        Err(error) if broke_off(&error) => Err(ended(config, id, began).await.unwrap_or(error)),
        result => result,
    }
}

/// That its vm has ended, as soon as it is put away; none where that cannot be known.
async fn ended(config: &Config, id: Id, began: Timestamp) -> Option<WorkspaceError> {
    let deadline = Instant::now() + END_LIMIT;
    while Instant::now() < deadline {
        let config = config.clone();
        match blocking(move || Ok(look(&config, id, began))).await.ok()?? {
            Look::Ended(error) => return Some(error),
            Look::NotYet => tokio::time::sleep(LOOK).await,
        }
    }
    None
}

/// Whether the guest went away in the middle; one that says nothing, or nonsense, is there.
fn broke_off(error: &WorkspaceError) -> bool {
    let (WorkspaceError::Vm(VmError::Control(error) | VmError::Guest(error))
    | WorkspaceError::Guest(error)) = error
    else {
        return false;
    };
    match error {
        ClientError::Ended => true,
        ClientError::Io(error) => error.kind() != io::ErrorKind::TimedOut,
        _ => false,
    }
}

enum Look {
    Ended(WorkspaceError),
    NotYet,
}

/// What became of its vm since the operation `began`; none where that cannot be known. Blocks.
fn look(config: &Config, id: Id, began: Timestamp) -> Option<Look> {
    let store = Store::open(&config.data_dir).ok()?;
    let workspace = match find(&store, id) {
        Err(gone @ WorkspaceError::NoSuchWorkspace { .. }) => return Some(Look::Ended(gone)),
        workspace => workspace.ok()?,
    };
    if workspace.last_reset_at.is_some_and(|at| at >= began) {
        let why = Some("it was reset under the operation".to_owned());
        return Some(Look::Ended(WorkspaceError::EndedMeanwhile { id, why }));
    }
    let vm = store.vm(workspace.vm.or(workspace.next_vm)?).ok()??;
    if vm.state != VmState::Stopped {
        reconcile::settle(config, &store, &vm).ok()?;
        return Some(Look::NotYet);
    }
    let why = vm.last_error;
    Some(Look::Ended(match workspace.change {
        Some(WorkspaceChange::Creating) => WorkspaceError::EndedUnfinished { why },
        _ => WorkspaceError::EndedMeanwhile { id, why },
    }))
}
