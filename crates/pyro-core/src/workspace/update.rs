//! Updating a workspace's name, labels and lifetime.

use super::claim::find;
use super::error::WorkspaceError;
use super::info::WorkspaceInfo;
use super::{label, status};
use crate::config::Config;
use crate::host::clock;
use crate::id::Id;
use crate::store::Store;
use crate::vm::control::client::SupervisorClient;
use crate::vm::shape;
use std::collections::BTreeMap;

/// What is to change.
#[derive(Clone, Debug, Default)]
pub struct UpdateRequest {
    /// A new name.
    pub name: Option<String>,
    /// Whether it is to have none.
    pub clear_name: bool,
    /// Labels to set, over those that it has.
    pub labels: BTreeMap<String, String>,
    /// Keys of labels to remove.
    pub clear_labels: Vec<String>,
    /// Its lifetime from the last activity, which this is, be it a new one or the one that it has;
    /// zero: none.
    pub ttl_seconds: Option<u32>,
}

/// Change a workspace's name, labels and lifetime, whatever it is at.
///
/// # Errors
/// [`WorkspaceError::NothingToUpdate`] when nothing would be another after it.
pub async fn update(
    config: &Config,
    id: Id,
    request: &UpdateRequest,
) -> Result<WorkspaceInfo, WorkspaceError> {
    if request.clear_name && request.name.is_some() {
        return Err(WorkspaceError::NameBothWays);
    }
    let name = request.name.as_deref().map(label::name).transpose()?;
    let labels = label::labels(&request.labels)?;
    let cleared: Vec<String> =
        request.clear_labels.iter().map(|key| label::key(key)).collect::<Result<_, _>>()?;
    let ttl_seconds = request.ttl_seconds.map(lifetime).transpose()?;
    let store = Store::open(&config.data_dir)?;
    loop {
        let before = find(&store, id)?;
        let mut after = before.clone();
        if request.clear_name {
            after.name = None;
        } else if let Some(name) = &name {
            after.name = Some(name.clone());
        }
        after.labels.retain(|key, _| !cleared.contains(key));
        after.labels.extend(labels.clone());
        after.ttl_seconds = ttl_seconds.unwrap_or(before.ttl_seconds);
        // The lifetime that it has is one from now on, too.
        if after == before && ttl_seconds.is_none() {
            return Err(WorkspaceError::NothingToUpdate);
        }
        if store.change_and_renew_workspace(&after, clock::now())? {
            if ttl_seconds.is_some() {
                tell_supervisors(config, &store, id).await?;
            }
            return status::told(config, &store, id);
        }
    }
}

/// A supervisor waits for the end that it knows.
async fn tell_supervisors(config: &Config, store: &Store, id: Id) -> Result<(), WorkspaceError> {
    let workspace = find(store, id)?;
    for vm in [workspace.vm, workspace.next_vm].into_iter().flatten() {
        if let Err(error) = SupervisorClient::new(config, vm).lifetime_changed().await {
            // It reads the record when it begins to serve; one that has ended has nothing to wait
            // for.
            tracing::debug!(
                error = &error as &dyn std::error::Error,
                "no supervisor was told of the new lifetime"
            );
        }
    }
    Ok(())
}

/// A lifetime in seconds that a workspace may have; zero: none.
///
/// # Errors
/// [`WorkspaceError::Ttl`].
pub(super) fn lifetime(ttl_seconds: u32) -> Result<u32, WorkspaceError> {
    shape::lifetime(ttl_seconds).map_err(|_| WorkspaceError::Ttl(ttl_seconds))
}
