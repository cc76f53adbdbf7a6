//! What a vm's supervisor refuses about services, as an error.

use crate::guest::client::ClientError;
use crate::service_name::ServiceName;
use crate::vm::VmError;
use crate::vm::control::services::{ServiceRefusal, ServiceReply};
use crate::workspace::error::WorkspaceError;
use crate::workspace::running::Running;
use crate::workspace::secret_error::SecretError;
use crate::workspace::service_error::ServiceError;

impl Running<'_> {
    /// That what was asked of its service `name` is done.
    ///
    /// # Errors
    /// Why it is not.
    pub(super) fn service_done(
        &self,
        name: &ServiceName,
        reply: ServiceReply,
    ) -> Result<(), WorkspaceError> {
        let (id, name) = (self.workspace.id, name.clone());
        let error = match reply {
            ServiceReply::Done | ServiceReply::Refused(ServiceRefusal::NotRunning) => return Ok(()),
            ServiceReply::Refused(ServiceRefusal::Running) => ServiceError::Running { id, name },
            ServiceReply::Refused(ServiceRefusal::TooMany) => ServiceError::TooMany { id },
            ServiceReply::Refused(ServiceRefusal::NotRecorded(why)) => {
                ServiceError::NotRecorded(why)
            }
            ServiceReply::Refused(ServiceRefusal::Secrets) => {
                return Err(SecretError::Broken.into());
            }
            ServiceReply::Refused(ServiceRefusal::Guest(failure)) => {
                return Err(VmError::Guest(ClientError::Failed(failure)).into());
            }
            ServiceReply::Refused(ServiceRefusal::Gone) => {
                return Err(VmError::Control(ClientError::Ended).into());
            }
        };
        Err(error.into())
    }
}
