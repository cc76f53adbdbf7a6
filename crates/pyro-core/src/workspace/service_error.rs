//! What can go wrong with a workspace's services.

use crate::id::Id;
use crate::service_name::{ServiceName, ServiceNameError};
use crate::store::service::MAX_SERVICES;
use crate::vm::control::readiness::ReadinessError;
use std::io;

/// A failure of an operation on a service.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// There is no service of this name.
    #[error("workspace {id} has no service {name}")]
    NoSuchService {
        /// The workspace.
        id: Id,
        /// The name.
        name: ServiceName,
    },
    /// A service of this name runs.
    #[error("service {name} of workspace {id} is running")]
    Running {
        /// The workspace.
        id: Id,
        /// The name.
        name: ServiceName,
    },
    /// As many run as may.
    #[error("workspace {id} runs {MAX_SERVICES} services, as many as it may")]
    TooMany {
        /// The workspace.
        id: Id,
    },
    /// The host could not write it down; it was ended.
    #[error("the service could not be recorded: {0}")]
    NotRecorded(String),
    /// The name is none.
    #[error(transparent)]
    Name(#[from] ServiceNameError),
    /// It cannot be seen that way whether it is ready.
    #[error(transparent)]
    Readiness(#[from] ReadinessError),
    /// More than one way to see whether it is ready.
    #[error("a service has one kind of readiness: a file, an address, a URL or a command")]
    SeveralReadiness,
    /// What it printed cannot be read.
    #[error("the logs of service {name} cannot be read")]
    Logs {
        /// The name.
        name: ServiceName,
        /// Why.
        #[source]
        source: io::Error,
    },
}
