//! Claiming a workspace for a change, and giving it back.

use super::error::WorkspaceError;
use super::reconcile;
use crate::config::Config;
use crate::id::Id;
use crate::store::claim::{Claimable, give_up};
use crate::store::layer::NewLayer;
use crate::store::workspace::{WorkspaceChange, WorkspaceRecord};
use crate::store::{Store, claim as claims};

/// A workspace, as recorded.
///
/// # Errors
/// [`WorkspaceError::NoSuchWorkspace`].
pub(super) fn find(store: &Store, id: Id) -> Result<WorkspaceRecord, WorkspaceError> {
    store.workspace(id)?.ok_or(WorkspaceError::NoSuchWorkspace { id })
}

/// Claim a workspace for `change` on behalf of this process. What a dead process was doing to it is
/// put right first.
///
/// # Errors
/// [`WorkspaceError::Changing`] when somebody else has it.
pub(super) fn claim(
    config: &Config,
    store: &Store,
    id: Id,
    change: WorkspaceChange,
) -> Result<WorkspaceRecord, WorkspaceError> {
    let attempt = |workspace: &WorkspaceRecord| match workspace.change {
        Some(change) if workspace.is_attended() => Err(WorkspaceError::Changing { id, change }),
        Some(_) => reconcile::put_right(config, store, workspace).map(|()| None),
        None => Ok(workspace.claimed(Some(change)).write(store)?),
    };
    let gone = |_: &WorkspaceRecord| WorkspaceError::NoSuchWorkspace { id };
    let busy = |_: &WorkspaceRecord| WorkspaceError::Changing { id, change };
    claims::claim(store, find(store, id)?, attempt, gone, busy)
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
    config: &'a Config,
    store: &'a Store,
    id: Id,
    given_back: bool,
}

impl<'a> Claimed<'a> {
    /// Of a workspace that this process has claimed, or is about to record as claimed.
    pub(super) fn new(config: &'a Config, store: &'a Store, id: Id) -> Self {
        Self { config, store, id, given_back: false }
    }

    /// Give it back together with what the change has come to.
    ///
    /// # Errors
    /// As [`note`]; it is then put right.
    pub(super) fn give_back(
        self,
        change: impl Fn(&mut WorkspaceRecord),
    ) -> Result<(), WorkspaceError> {
        note(self.store, self.id, &[], |workspace| {
            *workspace = workspace.claimed(None);
            change(workspace);
        })?;
        self.was_given_back();
        Ok(())
    }

    /// Its record says so already: from then on somebody else may have it.
    pub(super) fn was_given_back(mut self) {
        self.given_back = true;
    }

    fn put_right(&self) -> Result<(), WorkspaceError> {
        // Removed where there is none.
        let Some(workspace) = self.store.workspace(self.id)? else { return Ok(()) };
        let put_right = reconcile::put_right(self.config, self.store, &workspace);
        if put_right.is_err() {
            give_up(self.store, &workspace);
        }
        put_right
    }
}

impl Drop for Claimed<'_> {
    fn drop(&mut self) {
        if !self.given_back
            && let Err(error) = self.put_right()
        {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "a workspace waits for the next command"
            );
        }
    }
}
