//! A client of a running vm's supervisor, in whatever process: it connects to the vm's socket for
//! each operation.

use super::protocol::{ControlRequest, LayerReply, LeaseReply, LeaseWord};
use crate::config::Config;
use crate::guest::client::{ClientError, FrameReader, send_message};
use crate::host::socket;
use crate::id::Id;
use crate::store::layer::NewLayer;
use crate::vm::error::VmError;
use crate::vm::failure::Failure;
use crate::vm::limits::{CLEAR_LIMIT, POWER_OFF_LIMIT};
use crate::vm::paths;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

/// How long a supervisor may take for an answer of its own.
const ANSWER_LIMIT: Duration = Duration::from_secs(20);

/// How long a guest may take to write its disk out, and its supervisor to close the layer.
const LAYER_LIMIT: Duration = Duration::from_secs(120);

/// What asks the supervisor of one vm for something.
#[derive(Clone, Copy, Debug)]
pub struct SupervisorClient<'a> {
    config: &'a Config,
    id: Id,
}

impl<'a> SupervisorClient<'a> {
    /// For the vm `id`; nothing is connected yet.
    #[must_use]
    pub fn new(config: &'a Config, id: Id) -> Self {
        Self { config, id }
    }

    /// What another one is made from, for work that outlives this value.
    pub(in crate::vm) fn parts(&self) -> (Config, Id) {
        (self.config.clone(), self.id)
    }

    /// A connection to a new stream of the guest's agent.
    ///
    /// # Errors
    /// [`VmError::Control`] when the supervisor is gone.
    pub async fn connect(&self) -> Result<UnixStream, VmError> {
        self.ask(ControlRequest::Guest).await
    }

    /// Take the vm for one use, after which it is gone; none when somebody else has it.
    ///
    /// # Errors
    /// [`VmError::Control`] when the supervisor is gone.
    pub async fn lease(&self) -> Result<Option<Lease>, VmError> {
        let (reader, writer) = self.ask(ControlRequest::Lease).await?.into_split();
        let mut lease = Lease { replies: FrameReader::new(reader), writer };
        match lease.reply(ANSWER_LIMIT).await? {
            LeaseReply::Granted => Ok(Some(lease)),
            LeaseReply::Busy => Ok(None),
            LeaseReply::Ended { failure, .. } => {
                Err(VmError::Failed(failure.unwrap_or_else(Failure::stopped)))
            }
            LeaseReply::Released => Err(VmError::Control(ClientError::Ended)),
        }
    }

    /// Close the layer that takes the vm's writes, with its disk as it is in one moment, and go on
    /// in a new one; how long the guest's writes were held.
    ///
    /// # Errors
    /// [`VmError::Layer`] with the supervisor's words, [`VmError::Control`] when it is gone.
    pub async fn close_layer(&self, layer: NewLayer) -> Result<Duration, VmError> {
        let mut replies = FrameReader::new(self.ask(ControlRequest::CloseLayer(layer)).await?);
        let reply = tokio::time::timeout(LAYER_LIMIT, replies.message())
            .await
            .map_err(|_| VmError::Stuck)?;
        match reply.map_err(VmError::Control)? {
            LayerReply::Closed { held_us } => Ok(Duration::from_micros(held_us)),
            LayerReply::Ended => Err(VmError::Control(ClientError::Ended)),
            LayerReply::Failed { message, full } => Err(VmError::Layer { message, full }),
        }
    }

    /// Tell the supervisor that the lifetime in the vm's record is another now.
    ///
    /// # Errors
    /// [`VmError::Control`] when it is gone, [`VmError::Stuck`] when it does not answer.
    pub async fn lifetime_changed(&self) -> Result<(), VmError> {
        let mut stream = self.ask(ControlRequest::LifetimeChanged).await?;
        match tokio::time::timeout(ANSWER_LIMIT, stream.read(&mut [0])).await {
            Ok(_) => Ok(()),
            Err(_) => Err(VmError::Stuck),
        }
    }

    pub(super) async fn ask(&self, request: ControlRequest) -> Result<UnixStream, VmError> {
        let connect = || {
            let stream = socket::connect(&self.config.runtime_dir, &paths::socket_name(self.id))?;
            stream.set_nonblocking(true)?;
            UnixStream::from_std(stream)
        };
        let mut stream = connect().map_err(|error| VmError::Control(error.into()))?;
        send_message(&mut stream, &request).await.map_err(VmError::Control)?;
        Ok(stream)
    }
}

/// A vm that is gone as soon as this value is, unless it is given back.
#[derive(Debug)]
pub struct Lease {
    replies: FrameReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
}

impl Lease {
    /// Give the vm back: it lives on.
    ///
    /// # Errors
    /// [`VmError::Control`] when the supervisor is gone.
    pub async fn release(mut self) -> Result<(), VmError> {
        send_message(&mut self.writer, &LeaseWord::Release).await.map_err(VmError::Control)?;
        self.reply(ANSWER_LIMIT).await.map(drop)
    }

    /// End the vm and wait until nothing is left of it.
    ///
    /// # Errors
    /// [`VmError::Failed`] when it had ended before, or is kept because somebody stopped it;
    /// [`VmError::Control`] when the supervisor died.
    pub async fn end(self) -> Result<(), VmError> {
        let Self { mut replies, writer } = self;
        drop(writer);
        match tokio::time::timeout(POWER_OFF_LIMIT + CLEAR_LIMIT, replies.message()).await {
            Ok(Ok(LeaseReply::Ended { failure: None, kept: false })) => Ok(()),
            Ok(Ok(LeaseReply::Ended { failure, .. })) => {
                Err(VmError::Failed(failure.unwrap_or_else(Failure::stopped)))
            }
            Ok(Ok(_)) => Err(VmError::Control(ClientError::Ended)),
            Ok(Err(error)) => Err(VmError::Control(error)),
            Err(_) => Err(VmError::Stuck),
        }
    }

    async fn reply(&mut self, limit: Duration) -> Result<LeaseReply, VmError> {
        match tokio::time::timeout(limit, self.replies.message()).await {
            Ok(reply) => reply.map_err(VmError::Control),
            Err(_) => Err(VmError::Stuck),
        }
    }
}
