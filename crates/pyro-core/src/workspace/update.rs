//! Updating a workspace's name and labels.

use super::claim::find;
use super::error::WorkspaceError;
use super::info::WorkspaceInfo;
use super::{label, running, status};
use crate::config::Config;
use crate::id::Id;
use crate::store::Store;
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
}

/// Change a workspace's name and labels, whatever it is at.
///
/// # Errors
/// [`WorkspaceError::NothingToUpdate`] when nothing would be another after it.
pub fn update(config: &Config, id: Id, request: &UpdateRequest) -> Result<WorkspaceInfo, WorkspaceError> {
    if request.clear_name && request.name.is_some() {
        return Err(WorkspaceError::NameBothWays);
    }
    let name = request.name.as_deref().map(label::name).transpose()?;
    let labels = label::labels(&request.labels)?;
    let cleared: Vec<String> = request.clear_labels.iter().map(|key| label::key(key)).collect::<Result<_, _>>()?;
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
        if after == before {
            return Err(WorkspaceError::NothingToUpdate);
        }
        if store.change_workspace(&after, &[])?.is_some() {
            running::touch(&store, &after)?;
            return status::told(&store, id);
        }
    }
}
