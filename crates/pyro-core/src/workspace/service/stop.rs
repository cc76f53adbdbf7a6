//! The end of a service.

use super::info::ServiceInfo;
use super::status;
use crate::config::Config;
use crate::id::Id;
use crate::service_name::ServiceName;
use crate::store::Store;
use crate::store::service::ServiceState;
use crate::vm::control::services::ServiceRequest;
use crate::workspace::claim::find;
use crate::workspace::error::WorkspaceError;
use crate::workspace::running::Running;

/// End a service with all that it has started: it is asked to, and what has not ended after 5 s is
/// killed. One that does not run stays as it is.
///
/// # Errors
/// [`WorkspaceError`].
pub async fn stop(
    config: &Config,
    id: Id,
    name: &ServiceName,
) -> Result<ServiceInfo, WorkspaceError> {
    let store = Store::open(&config.data_dir)?;
    find(&store, id)?;
    let service = status::recorded(config, &store, id, name)?;
    if service.state != ServiceState::Running {
        return Ok(service);
    }
    match Running::open(config, id).await {
        Ok(running) => {
            let stop = ServiceRequest::Stop { name: name.clone() };
            let (reply, _) = running.client().service(stop).await?;
            running.service_done(name, reply)?;
        }
        // So has the service.
        Err(WorkspaceError::NotStarted { .. }) => {}
        Err(error) => return Err(error),
    }
    status::recorded(config, &store, id, name)
}
