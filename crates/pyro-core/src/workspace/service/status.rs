//! Looking at one service.

use super::info::ServiceInfo;
use crate::config::Config;
use crate::id::Id;
use crate::service_name::ServiceName;
use crate::store::Store;
use crate::workspace::claim::find;
use crate::workspace::error::WorkspaceError;
use crate::workspace::reconcile;
use crate::workspace::secrets::Secrets;
use crate::workspace::service_error::ServiceError;

/// What a service is at. Blocks while processes end.
///
/// # Errors
/// [`ServiceError::NoSuchService`].
pub fn status(config: &Config, id: Id, name: &ServiceName) -> Result<ServiceInfo, WorkspaceError> {
    let store = Store::open(&config.data_dir)?;
    find(&store, id)?;
    reconcile::reconcile(config, &store)?;
    recorded(config, &store, id, name)
}

/// What the records say of a service.
///
/// # Errors
/// [`ServiceError::NoSuchService`].
pub(super) fn recorded(
    config: &Config,
    store: &Store,
    id: Id,
    name: &ServiceName,
) -> Result<ServiceInfo, WorkspaceError> {
    match store.service(id, name)? {
        Some(service) => {
            let redactor = Secrets::of(config, id)?.redactor()?;
            Ok(ServiceInfo::of(id, service, redactor.as_ref()))
        }
        None => Err(ServiceError::NoSuchService { id, name: name.clone() }.into()),
    }
}
