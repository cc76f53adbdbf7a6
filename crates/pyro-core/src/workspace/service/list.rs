//! All services of a workspace.

use super::info::{ServiceInfo, ServiceList};
use crate::config::Config;
use crate::id::Id;
use crate::store::Store;
use crate::store::service::ServiceState;
use crate::workspace::claim::find;
use crate::workspace::error::WorkspaceError;
use crate::workspace::reconcile;
use crate::workspace::secrets::Secrets;

/// The services of a workspace, those included that have ended. Blocks while processes end.
///
/// # Errors
/// [`WorkspaceError::NoSuchWorkspace`].
pub fn list(config: &Config, id: Id) -> Result<ServiceList, WorkspaceError> {
    let store = Store::open(&config.data_dir)?;
    find(&store, id)?;
    reconcile::reconcile(config, &store)?;
    let redactor = Secrets::of(config, id)?.redactor()?;
    let told = |service| ServiceInfo::of(id, service, redactor.as_ref());
    let services: Vec<_> = store.services(id)?.into_iter().map(told).collect();
    let is_running = |service: &&ServiceInfo| service.state == ServiceState::Running;
    let running_count = services.iter().filter(is_running).count();
    Ok(ServiceList { workspace_id: id, count: services.len(), running_count, services })
}
