//! One operation with the agent: a request, then frames both ways, over any byte stream.

use pyro_protocol::frame::{self, encode_message};
use pyro_protocol::message::{Failure, Reply, Request};
use pyro_protocol::tree::RecordError;
use pyro_protocol::{Frame, FrameDecoder, FrameError, FrameKind, limits};
use serde::Serialize;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// How much is read from a stream at once, in bytes.
const READ_LEN: usize = limits::DATA_CHUNK_LEN + 4096;

/// Why an operation did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The stream broke.
    #[error("the connection to the guest broke")]
    Io(#[from] std::io::Error),
    /// The stream ended before the operation did.
    #[error("the connection to the guest ended early")]
    Ended,
    /// The guest broke the protocol.
    #[error("the guest's agent broke the protocol")]
    Frame(#[from] FrameError),
    /// The guest sent a frame that has no place there.
    #[error("the guest's agent sent {0:?} out of place")]
    OutOfPlace(FrameKind),
    /// The guest sent records that are none.
    #[error("the guest's agent broke the protocol")]
    Record(#[from] RecordError),
    /// The guest sent what was not asked for.
    #[error("the guest's agent sent {0}")]
    Unasked(&'static str),
    /// The agent says that the operation failed.
    #[error("{}", crate::host::terminal::printable(.0.message.as_bytes()))]
    Failed(Failure),
}

/// The reading half: frames as they come, one at a time, never more than one held.
#[derive(Debug)]
pub struct FrameReader<R> {
    stream: R,
    decoder: FrameDecoder,
    chunk: Vec<u8>,
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    /// Read frames from `stream`.
    #[must_use]
    pub fn new(stream: R) -> Self {
        Self { stream, decoder: FrameDecoder::default(), chunk: vec![0; READ_LEN] }
    }

    /// The next frame, `None` at a clean end. Cancel-safe.
    ///
    /// # Errors
    /// [`ClientError::Io`], [`ClientError::Frame`], and [`ClientError::Ended`] in the middle of a
    /// frame.
    pub async fn next(&mut self) -> Result<Option<Frame>, ClientError> {
        loop {
            if let Some(frame) = self.decoder.next_frame()? {
                return Ok(Some(frame));
            }
            let count = self.stream.read(&mut self.chunk).await?;
            if count == 0 {
                return if self.decoder.is_empty() { Ok(None) } else { Err(ClientError::Ended) };
            }
            self.decoder.push(&self.chunk[..count]);
        }
    }

    /// The next message.
    ///
    /// # Errors
    /// As [`FrameReader::next`]; [`ClientError::Ended`] when there is none.
    pub async fn message<T: serde::de::DeserializeOwned>(&mut self) -> Result<T, ClientError> {
        let frame = self.next().await?.ok_or(ClientError::Ended)?;
        Ok(frame.message()?)
    }

    /// The stream and the bytes that were read beyond the last frame.
    #[must_use]
    pub fn into_inner(self) -> (R, Vec<u8>) {
        (self.stream, self.decoder.into_rest())
    }
}

/// Write one message frame.
///
/// # Errors
/// [`ClientError::Frame`] when it is too large, [`ClientError::Io`].
pub async fn send_message<T: Serialize>(
    stream: &mut (impl AsyncWrite + Unpin),
    message: &T,
) -> Result<(), ClientError> {
    stream.write_all(&encode_message(message)?).await?;
    stream.flush().await?;
    Ok(())
}

/// Write `bytes` as one data frame; at most [`limits::DATA_CHUNK_LEN`] of them.
///
/// # Errors
/// [`ClientError::Io`].
pub async fn send_data(
    stream: &mut (impl AsyncWrite + Unpin),
    kind: FrameKind,
    bytes: &[u8],
) -> Result<(), ClientError> {
    stream.write_all(&frame::header(kind, bytes.len())).await?;
    stream.write_all(bytes).await?;
    stream.flush().await?;
    Ok(())
}

/// An operation that answers once: send `request`, expect [`Reply::Done`].
///
/// # Errors
/// [`ClientError::Failed`] with the agent's words, or why no answer came.
pub async fn call(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    request: &Request,
) -> Result<(), ClientError> {
    let mut stream = stream;
    send_message(&mut stream, request).await?;
    done(stream).await
}

/// The answer to a request that answers once.
///
/// # Errors
/// As [`call`].
pub async fn done(stream: impl AsyncRead + Unpin) -> Result<(), ClientError> {
    match FrameReader::new(stream).message().await? {
        Reply::Done => Ok(()),
        Reply::Failed(failure) => Err(ClientError::Failed(failure)),
        _ => Err(ClientError::OutOfPlace(FrameKind::Message)),
    }
}
