//! Looking at one service.

use super::info::ServiceInfo;
use crate::config::Config;
use crate::id::Id;
use crate::service_name::ServiceName;
use crate::store::Store;
use crate::workspace::claim::find;
use crate::workspace::error::WorkspaceError;
use crate::workspace::reconcile;
use crate::workspace::service_error::ServiceError;

/// What a service is at. Blocks while processes end.
///
/// # Errors
/// [`ServiceError::NoSuchService`].
pub fn status(config: &Config, id: Id, name: &ServiceName) -> Result<ServiceInfo, WorkspaceError> {
    let store = Store::open(&config.data_dir)?;
    find(&store, id)?;
    reconcile::reconcile(config, &store)?;
    recorded(&store, id, name)
}

/// What the records say of a service.
///
/// # Errors
/// [`ServiceError::NoSuchService`].
pub(super) fn recorded(
    store: &Store,
    id: Id,
    name: &ServiceName,
) -> Result<ServiceInfo, WorkspaceError> {
    match store.service(id, name)? {
        Some(service) => Ok(ServiceInfo::of(id, service)),
        None => Err(ServiceError::NoSuchService { id, name: name.clone() }.into()),
    }
}
