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

/// Give up a change that could not be finished, so that the next command goes on with it, from whatever process.
pub(super) fn give_up(store: &Store, judged: &WorkspaceRecord) {
    let given_up = change_claim(store, judged, |workspace| WorkspaceRecord { owner: None, ..workspace.clone() });
    if let Err(error) = given_up {
        tracing::warn!(error = &error as &dyn std::error::Error, "a workspace waits for the end of this process");
    }
}

/// Change the record of a workspace as long as it has the claim that was judged; whoever claimed it since is left alone.
///
/// # Errors
/// When the records cannot be written.
pub(super) fn change_claim(
    store: &Store,
    judged: &WorkspaceRecord,
    change: impl Fn(&WorkspaceRecord) -> WorkspaceRecord,
) -> Result<(), WorkspaceError> {
    while let Some(now) = store.workspace(judged.id)?.filter(|now| now.has_claim_of(judged)) {
        if store.change_workspace(&change(&now), &[])?.is_some() {
            break;
        }
    }
    Ok(())
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
    pub(super) fn give_back(self, change: impl Fn(&mut WorkspaceRecord)) -> Result<(), WorkspaceError> {
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
            tracing::warn!(error = &error as &dyn std::error::Error, "a workspace waits for the next command");
        }
    }
}
