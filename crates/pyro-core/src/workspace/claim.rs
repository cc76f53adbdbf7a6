//! Claiming a workspace for a change: of many who want it, one has it, and no lock is held meanwhile.

use super::error::WorkspaceError;
use super::reconcile;
use crate::config::Config;
use crate::id::Id;
use crate::store::Store;
use crate::store::layer::NewLayer;
use crate::store::workspace::{WorkspaceChange, WorkspaceRecord};

/// How often a change is tried against others who change the record.
const TRIES: usize = 16;

/// A workspace, as recorded.
///
/// # Errors
/// [`WorkspaceError::NoSuchWorkspace`].
pub(super) fn find(store: &Store, id: Id) -> Result<WorkspaceRecord, WorkspaceError> {
    store.workspace(id)?.ok_or(WorkspaceError::NoSuchWorkspace { id })
}

/// Claim a workspace for `change` on behalf of this process. What a dead process was doing to it is put right first.
///
/// # Errors
/// [`WorkspaceError::Changing`] when somebody else has it.
pub(super) fn claim(
    config: &Config,
    store: &Store,
    id: Id,
    change: WorkspaceChange,
) -> Result<WorkspaceRecord, WorkspaceError> {
    for _ in 0..TRIES {
        let workspace = find(store, id)?;
        match workspace.change {
            Some(change) if workspace.is_attended() => return Err(WorkspaceError::Changing { id, change }),
            Some(_) => reconcile::put_right(config, store, &workspace)?,
            None => {
                let claimed = workspace.claimed(Some(change));
                if let Some(revision) = store.change_workspace(&claimed, &[])? {
                    return Ok(WorkspaceRecord { revision, ..claimed });
                }
            }
        }
    }
    Err(WorkspaceError::Changing { id, change })
}

/// Change the record of a workspace that this process has claimed, together with new layers.
///
/// # Errors
/// [`WorkspaceError::NoSuchWorkspace`] when somebody removed it meanwhile.
pub(super) fn note(
    store: &Store,
    id: Id,
    new_layers: &[NewLayer],
    change: impl Fn(&mut WorkspaceRecord),
) -> Result<WorkspaceRecord, WorkspaceError> {
    loop {
        // Updates of its name come in between; the claim keeps everything else away.
        let mut workspace = find(store, id)?;
        change(&mut workspace);
        if let Some(revision) = store.change_workspace(&workspace, new_layers)? {
            return Ok(WorkspaceRecord { revision, ..workspace });
        }
    }
}

/// Gives a claimed workspace back when it is dropped, whatever happened.
pub(super) struct Claimed<'a> {
    pub(super) config: &'a Config,
    pub(super) store: &'a Store,
    pub(super) id: Id,
}

impl Drop for Claimed<'_> {
    fn drop(&mut self) {
        let given_back = match self.store.workspace(self.id) {
            // Done, or removed.
            Ok(None) => Ok(()),
            Ok(Some(workspace)) if workspace.change.is_none() => Ok(()),
            Ok(Some(workspace)) => reconcile::put_right(self.config, self.store, &workspace),
            Err(error) => Err(error.into()),
        };
        if let Err(error) = given_back {
            tracing::warn!(error = &error as &dyn std::error::Error, "a workspace waits for the next command");
        }
    }
}
