//! The facade's operations on services.

use super::Pyro;
use super::operation_future::OperationFuture;
use crate::error::PyroError;
use crate::id::Id;
use crate::service_name::ServiceName;
use crate::workspace::service::follow::{self, ServiceOutputTo};
use crate::workspace::service::info::{ServiceInfo, ServiceList, ServiceLogs};
use crate::workspace::service::start::{self, StartServiceRequest};
use crate::workspace::service::{list, logs, status, stop};
use crate::workspace::service_error::ServiceError;
use tokio_util::sync::CancellationToken;

impl Pyro {
    /// The name of a service, as a user gives it.
    ///
    /// # Errors
    /// [`crate::ErrorKind::InvalidInput`].
    pub fn service_name(text: &str) -> Result<ServiceName, PyroError> {
        Ok(ServiceName::parse(text).map_err(ServiceError::from)?)
    }

    /// Start a service in a workspace, and wait until it is ready or has failed; that is a result.
    /// It goes on when this process ends, until it is stopped, ends by itself, or its workspace
    /// stops.
    ///
    /// # Errors
    /// [`crate::ErrorKind::AlreadyExists`] while one of this name runs;
    /// [`crate::ErrorKind::Busy`] when as many run as may.
    pub fn start_service(
        &self,
        id: Id,
        name: ServiceName,
        request: StartServiceRequest,
        cancel: &CancellationToken,
    ) -> OperationFuture<ServiceInfo> {
        self.cancellable_in_guest(id, cancel, async move |config, cancel| {
            start::start(config, id, &name, &request, cancel).await
        })
    }

    /// The services of a workspace, those included that have ended.
    ///
    /// # Errors
    /// [`crate::ErrorKind::NotFound`].
    pub fn list_services(&self, id: Id) -> OperationFuture<ServiceList> {
        self.step(move |config| Ok(list::list(config, id)?))
    }

    /// What a service is at.
    ///
    /// # Errors
    /// [`crate::ErrorKind::NotFound`].
    pub fn status_service(&self, id: Id, name: ServiceName) -> OperationFuture<ServiceInfo> {
        self.step(move |config| Ok(status::status(config, id, &name)?))
    }

    /// The last lines of what a service has printed, or all that is kept of it.
    ///
    /// # Errors
    /// [`crate::ErrorKind::NotFound`].
    pub fn logs_service(
        &self,
        id: Id,
        name: ServiceName,
        tail_lines: Option<u32>,
    ) -> OperationFuture<ServiceLogs> {
        self.step(move |config| Ok(logs::logs(config, id, &name, tail_lines)?))
    }

    /// As [`Pyro::logs_service`], then what it prints until it has ended.
    ///
    /// # Errors
    /// [`crate::ErrorKind::NotFound`].
    pub fn follow_service(
        &self,
        id: Id,
        name: ServiceName,
        tail_lines: Option<u32>,
        output: ServiceOutputTo,
        cancel: &CancellationToken,
    ) -> OperationFuture<ServiceInfo> {
        self.cancellable_in_guest(id, cancel, async move |config, cancel| {
            follow::follow(config, id, &name, tail_lines, output, cancel).await
        })
    }

    /// End a service with all that it has started.
    ///
    /// # Errors
    /// [`crate::ErrorKind::NotFound`].
    pub fn stop_service(&self, id: Id, name: ServiceName) -> OperationFuture<ServiceInfo> {
        self.in_guest(id, async move |config| stop::stop(config, id, &name).await)
    }
}
