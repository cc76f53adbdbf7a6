//! A client of the services of a running vm.

use super::client::SupervisorClient;
use super::protocol::ControlRequest;
use super::services::{ServiceReply, ServiceRequest};
use crate::guest::client::{ClientError, FrameReader, call};
use crate::vm::error::VmError;
use pyro_protocol::FrameKind;
use pyro_protocol::message::Request;
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

/// How long a supervisor may take for an answer, beside what a service may take: a stop takes
/// somewhat more than its 5 s.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);

impl SupervisorClient<'_> {
    /// Ask something about the vm's services, and hear what comes of it.
    ///
    /// # Errors
    /// [`VmError::Control`] when the supervisor is gone, [`VmError::Stuck`] when it does not
    /// answer, [`VmError::NoServices`] when it is of a pyro that had none.
    pub async fn service(
        &self,
        request: ServiceRequest,
    ) -> Result<(ServiceReply, ServiceOutput), VmError> {
        let limit = match &request {
            ServiceRequest::Start { definition, .. } => {
                ANSWER_LIMIT + Duration::from_secs(definition.ready_timeout_seconds.into())
            }
            _ => ANSWER_LIMIT,
        };
        let stream: UnixStream = self.ask(ControlRequest::Service(request)).await?;
        let (reader, writer) = stream.into_split();
        let mut frames = FrameReader::new(reader);
        match tokio::time::timeout(limit, frames.message()).await {
            Ok(Ok(reply)) => Ok((reply, ServiceOutput { frames, _open: writer })),
            // One that does not know the question hangs up, and is there all the same.
            Ok(Err(ClientError::Ended)) => {
                match call(self.connect().await?, &Request::Ping).await {
                    Ok(()) => Err(VmError::NoServices),
                    Err(_) => Err(VmError::Control(ClientError::Ended)),
                }
            }
            Ok(Err(error)) => Err(VmError::Control(error)),
            Err(_) => Err(VmError::Stuck),
        }
    }
}

/// What a service prints, as it comes.
#[derive(Debug)]
pub struct ServiceOutput {
    frames: FrameReader<OwnedReadHalf>,
    _open: OwnedWriteHalf,
}

impl ServiceOutput {
    /// The next bytes, and whether they are of stderr; none when the service has ended.
    ///
    /// # Errors
    /// [`VmError::Control`] when the supervisor is gone.
    pub async fn next(&mut self) -> Result<Option<(bool, Vec<u8>)>, VmError> {
        let frame = self.frames.next().await.map_err(VmError::Control)?;
        let frame = frame.ok_or(VmError::Control(ClientError::Ended))?;
        match frame.kind {
            FrameKind::Stdout => Ok(Some((false, frame.payload))),
            FrameKind::Stderr => Ok(Some((true, frame.payload))),
            FrameKind::Message => Ok(None),
            kind => Err(VmError::Control(ClientError::OutOfPlace(kind))),
        }
    }
}
