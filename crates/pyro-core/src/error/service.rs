//! The failures of services, judged.

use super::call::Call;
use super::{ErrorKind, Hint, OperationId, Parameter, PyroError};
use crate::vm::control::readiness::ReadinessError;
use crate::workspace::service_error::ServiceError;

impl From<ServiceError> for PyroError {
    fn from(error: ServiceError) -> Self {
        let (kind, hints) = service(&error);
        let id = match error {
            ServiceError::NoSuchService { id, .. }
            | ServiceError::Running { id, .. }
            | ServiceError::TooMany { id } => Some(id),
            _ => None,
        };
        let told = Self::judged(kind, error, hints);
        match id {
            Some(id) => told.of_workspace(id),
            None => told,
        }
    }
}

/// An operation on the workspace that failed.
fn on(operation: OperationId) -> Call {
    Call::to_workspace(operation)
}

fn service(error: &ServiceError) -> (ErrorKind, Vec<Hint>) {
    let usage = || Hint::usage("", OperationId::WorkspaceServiceStart);
    let invalid = |hint| (ErrorKind::InvalidInput, vec![hint]);
    match error {
        ServiceError::NoSuchService { .. } => {
            let list = Hint::call("see which there are", on(OperationId::WorkspaceServiceList));
            (ErrorKind::NotFound, vec![list])
        }
        ServiceError::Running { name, .. } => {
            let stop = on(OperationId::WorkspaceServiceStop).with(Parameter::ServiceName, name);
            (ErrorKind::AlreadyExists, vec![Hint::call("stop it first", stop)])
        }
        ServiceError::TooMany { .. } => {
            let stop = on(OperationId::WorkspaceServiceStop)
                .with_open(Parameter::ServiceName, "SERVICE_NAME");
            (ErrorKind::Busy, vec![Hint::call("stop one", stop)])
        }
        ServiceError::NotRecorded(_) => (
            ErrorKind::Io,
            vec![Hint::say("the service was ended; free some space, and try again")],
        ),
        ServiceError::Logs { .. } => (ErrorKind::Io, Vec::new()),
        ServiceError::Readiness(ReadinessError::Host(_)) => invalid(Hint::say(
            "it is looked at from within the guest: use localhost, or a command that looks",
        )),
        ServiceError::Readiness(ReadinessError::Url(url)) if url.starts_with("https:") => {
            invalid(Hint::say("use a command that looks, such as 'curl -kfsS URL'"))
        }
        ServiceError::Name(_) | ServiceError::Readiness(_) | ServiceError::SeveralReadiness => {
            invalid(usage())
        }
    }
}
