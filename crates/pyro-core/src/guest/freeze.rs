//! The disk held still while a snapshot is taken of it.

use super::client::ClientError;
use super::conversation::{Listener, Said, Speaker, begin};
use pyro_protocol::files::Freeze;
use pyro_protocol::message::{Reply, Request};
use tokio::io::{AsyncRead, AsyncWrite};

/// A disk that is frozen; dropped, it goes on.
#[derive(Debug)]
pub struct Frozen<S> {
    speaker: Speaker<S>,
    listener: Listener<S>,
}

/// Write out the disk and hold all writes to it, for at most `limit_ms` milliseconds.
///
/// # Errors
/// [`ClientError`].
pub async fn freeze<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    limit_ms: u32,
) -> Result<Frozen<S>, ClientError> {
    let (speaker, mut listener) = begin(stream, &Request::Freeze(Freeze { limit_ms })).await?;
    match listener.next().await? {
        Said::Reply(Reply::Frozen) => Ok(Frozen { speaker, listener }),
        _ => Err(ClientError::Unasked("another reply than a freeze's")),
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Frozen<S> {
    /// Let writes go on.
    ///
    /// # Errors
    /// [`ClientError::Failed`] when they had gone on before, because the limit was over: what was
    /// taken meanwhile is of no one moment.
    pub async fn thaw(mut self) -> Result<(), ClientError> {
        // A freeze that is over has closed the stream; its words are what counts.
        let released = self.speaker.end().await;
        match self.listener.done().await {
            Err(ClientError::Ended | ClientError::Io(_)) => released.and(Err(ClientError::Ended)),
            done => done,
        }
    }
}
