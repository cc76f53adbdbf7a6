//! What dead processes left of changes, vms and layers, and what is kept no longer.

use super::error::WorkspaceError;
use super::outputs;
use super::paths::directory;
use crate::config::Config;
use crate::host::{clock, fs};
use crate::id::Id;
use crate::store::claim::{Claimable, change_claimed, give_up};
use crate::store::vm::{VmKind, VmState};
use crate::store::workspace::{WorkspaceChange, WorkspaceRecord};
use crate::store::{Store, StoreError};
use crate::vm::recover::reconcile::{Verdict, judge};
use crate::vm::recover::{clear, reap};
use crate::vm::{VmError, lifecycle, paths};
use std::time::Duration;

/// How old a layer's file without a record is before it counts as left behind: its record comes
/// within moments.
const STRAY_AGE: Duration = Duration::from_secs(600);

/// Put everything right that no living process stands for. Blocks while processes end; one piece
/// that resists does not stop the others, and concerns nobody but the log.
///
/// # Errors
/// When the records cannot be read.
pub fn reconcile(config: &Config, store: &Store) -> Result<(), WorkspaceError> {
    if let Err(error) = reap::clear_leftovers(config, store) {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "leftovers wait for the next command"
        );
    }
    let now = clock::now();
    let kept = Duration::from_secs(config.workspace_retention_seconds.into());
    for workspace in store.workspaces()? {
        let workspace = match workspace {
            Ok(workspace) => workspace,
            Err(broken) => {
                tracing::warn!(%broken, "a workspace's record is left alone");
                continue;
            }
        };
        let is_over = workspace.expires_at.is_some_and(|at| at + kept <= now);
        let right = match workspace.change {
            Some(_) if !workspace.is_attended() => put_right(config, store, &workspace),
            // One that runs is stopped first, by its supervisor.
            None if is_over && !runs(store, &workspace) => remove(config, store, &workspace),
            _ => Ok(()),
        };
        if let Err(error) = right {
            tracing::warn!(id = %workspace.id, error = &error as &dyn std::error::Error, "a workspace waits");
        }
    }
    for vm in store.vms()?.into_iter().flatten() {
        if vm.kind == VmKind::Workspace
            && !store.is_vm_of_workspace(vm.id)?
            && let Err(error) = remove_vm(config, store, vm.id)
        {
            tracing::warn!(id = %vm.id, error = &error as &dyn std::error::Error, "a vm waits for the next command");
        }
    }
    collect_layers(config, store)
}

fn runs(store: &Store, workspace: &WorkspaceRecord) -> bool {
    let vm = workspace.vm.and_then(|vm| store.vm(vm).ok().flatten());
    vm.is_some_and(|vm| vm.state == VmState::Started && judge(&vm) == Verdict::Leave)
}

/// Remove a workspace whose time is over, unless somebody has changed it since it was read.
pub(super) fn remove(
    config: &Config,
    store: &Store,
    workspace: &WorkspaceRecord,
) -> Result<(), WorkspaceError> {
    match workspace.claimed(Some(WorkspaceChange::Deleting)).write(store)? {
        Some(claimed) => destroy(config, store, &claimed),
        None => Ok(()),
    }
}

/// Undo or finish what a process was doing to a workspace when its record was `judged`, after that
/// process ended or gave it up. Nothing is done where somebody else has been at it since.
///
/// # Errors
/// When something resists.
pub fn put_right(
    config: &Config,
    store: &Store,
    judged: &WorkspaceRecord,
) -> Result<(), WorkspaceError> {
    // It may have come to its end between being read and being judged.
    let Some(workspace) = &store.workspace(judged.id)?.filter(|now| now.has_claim_of(judged))
    else {
        return Ok(());
    };
    if matches!(workspace.change, Some(WorkspaceChange::Creating | WorkspaceChange::Deleting)) {
        return destroy(config, store, workspace);
    }
    if let Some(vm) = workspace.next_vm {
        remove_vm(config, store, vm)?;
    }
    change_claimed(store, workspace, |workspace| WorkspaceRecord {
        next_vm: None,
        next_layer: None,
        ..workspace.claimed(None)
    })?;
    collect_layers(config, store)
}

/// Remove everything of a claimed workspace: vms, files, record, and the layers that nobody else
/// stands on.
///
/// # Errors
/// When something resists: then it is given up, and the next command goes on with it.
pub fn destroy(
    config: &Config,
    store: &Store,
    workspace: &WorkspaceRecord,
) -> Result<(), WorkspaceError> {
    if let Err(error) = destroy_whole(config, store, workspace) {
        give_up(store, workspace);
        return Err(error);
    }
    collect_layers(config, store)
}

fn destroy_whole(
    config: &Config,
    store: &Store,
    workspace: &WorkspaceRecord,
) -> Result<(), WorkspaceError> {
    for vm in workspace.vm.into_iter().chain(workspace.next_vm) {
        remove_vm(config, store, vm)?;
    }
    fs::remove_tree(&directory(config, workspace.id))?;
    outputs::remove(config, &outputs::named(store, workspace.id));
    Ok(store.delete_workspace(workspace.id)?)
}

/// Remove a workspace's vm, whatever it is at.
///
/// # Errors
/// When it resists.
pub fn remove_vm(config: &Config, store: &Store, id: Id) -> Result<(), WorkspaceError> {
    let vm = match store.vm(id) {
        Err(StoreError::Broken { .. }) => {
            return Ok(clear::clear_broken_vm(config, store, &id.to_string())?);
        }
        vm => vm?,
    };
    let Some(vm) = vm else { return Ok(()) };
    match lifecycle::delete::delete(config, store, vm) {
        // Gone, or somebody else is removing it.
        Ok(())
        | Err(VmError::NoSuchVm { .. } | VmError::Changing { state: VmState::Deleting, .. }) => {
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

/// Remove the layers that nobody needs.
///
/// # Errors
/// When a file cannot be removed.
pub fn collect_layers(config: &Config, store: &Store) -> Result<(), WorkspaceError> {
    let unused = store.unused_layers()?;
    for layer in &unused {
        for path in [paths::shared_layer(config, *layer), paths::layer_tree(config, *layer)] {
            fs::remove_tree(&path)?;
            // Of one that was cut off while its file was made.
            fs::remove_tree(&path.with_extension("new"))?;
        }
    }
    if !unused.is_empty() {
        store.forget_layers(&unused)?;
    }
    for name in fs::names_in(&paths::layers_dir(config))? {
        let path = paths::layers_dir(config).join(&name);
        let id = name.split_once('.').and_then(|(name, _)| Id::parse(name).ok());
        let recorded = match id {
            Some(id) => store.layer(id)?.is_some(),
            None => false,
        };
        if !recorded && fs::age(&path).is_some_and(|age| age > STRAY_AGE) {
            fs::remove_tree(&path)?;
        }
    }
    Ok(())
}
