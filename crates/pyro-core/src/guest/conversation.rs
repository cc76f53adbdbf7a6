//! A conversation: one operation with data both ways, whatever noun it is about.

use super::client::{ClientError, FrameReader, send_message};
use pyro_protocol::frame::{self, FrameKind};
use pyro_protocol::message::{Reply, Request};
use pyro_protocol::tree::Batch;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};

/// What the agent sends.
#[derive(Debug)]
pub enum Said {
    /// Records or content.
    Data(Vec<u8>),
    /// A reply that is no failure.
    Reply(Reply),
}

/// Reads what the agent says.
#[derive(Debug)]
pub struct Listener<S> {
    frames: FrameReader<ReadHalf<S>>,
}

/// Writes what the agent is to have; dropping it is how the agent learns that the host has left.
#[derive(Debug)]
pub struct Speaker<S> {
    stream: WriteHalf<S>,
}

/// Begin an operation.
///
/// # Errors
/// [`ClientError`].
pub async fn begin<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    request: &Request,
) -> Result<(Speaker<S>, Listener<S>), ClientError> {
    let (reader, mut writer) = tokio::io::split(stream);
    send_message(&mut writer, request).await?;
    Ok((Speaker { stream: writer }, Listener { frames: FrameReader::new(reader) }))
}

impl<S: AsyncRead + Unpin> Listener<S> {
    /// The next thing that the agent says. Cancel-safe.
    ///
    /// # Errors
    /// [`ClientError::Failed`] with its words, or why nothing came.
    pub async fn next(&mut self) -> Result<Said, ClientError> {
        let frame = self.frames.next().await?.ok_or(ClientError::Ended)?;
        match frame.kind {
            FrameKind::Stdout => Ok(Said::Data(frame.payload)),
            FrameKind::Message => match frame.message()? {
                Reply::Failed(failure) => Err(ClientError::Failed(failure)),
                reply => Ok(Said::Reply(reply)),
            },
            other => Err(ClientError::OutOfPlace(other)),
        }
    }

    /// Wait for the end of an operation that has nothing more to say.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn done(&mut self) -> Result<(), ClientError> {
        match self.next().await? {
            Said::Reply(Reply::Done) => Ok(()),
            _ => Err(ClientError::OutOfPlace(FrameKind::Message)),
        }
    }
}

impl<S: AsyncWrite + Unpin> Speaker<S> {
    /// Send records.
    ///
    /// # Errors
    /// [`ClientError::Io`].
    pub async fn send(&mut self, batch: Batch) -> Result<(), ClientError> {
        self.stream.write_all(&batch.into_frame(FrameKind::Input)).await?;
        Ok(())
    }

    /// Send content, at most [`pyro_protocol::limits::DATA_CHUNK_LEN`] bytes.
    ///
    /// # Errors
    /// [`ClientError::Io`].
    pub async fn send_bytes(&mut self, bytes: &[u8]) -> Result<(), ClientError> {
        super::client::send_data(&mut self.stream, FrameKind::Input, bytes).await
    }

    /// Say that there is no more.
    ///
    /// # Errors
    /// [`ClientError::Io`].
    pub async fn end(&mut self) -> Result<(), ClientError> {
        self.stream.write_all(&frame::header(FrameKind::InputEnd, 0)).await?;
        self.stream.flush().await?;
        Ok(())
    }
}

/// Send while listening: what the agent says before all is sent ends the sending, since it then
/// wants no more.
///
/// # Errors
/// What the agent says; else what the sending ended with. An agent that breaks off mid-way has said
/// why.
pub async fn while_sending<S: AsyncRead + Unpin, T>(
    listener: &mut Listener<S>,
    sending: impl Future<Output = Result<T, ClientError>>,
) -> Result<(Option<T>, Said), ClientError> {
    tokio::pin!(sending);
    tokio::select! {
        biased;
        said = listener.next() => Ok((None, said?)),
        sent = &mut sending => match sent {
            Ok(sent) => Ok((Some(sent), listener.next().await?)),
            Err(broken) => match listener.next().await {
                Err(failed @ ClientError::Failed(_)) => Err(failed),
                _ => Err(broken),
            },
        },
    }
}
