//! The channel: one `yamux` session over the agent's port, each operation a stream of it.

use futures::future::poll_fn;
use pyro_protocol::limits::{DATA_CHUNK_LEN, MAX_KNOWN_STREAMS, MAX_STREAMS};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio_util::compat::{Compat, FuturesAsyncReadCompatExt, TokioAsyncReadCompatExt};
use yamux::{Config, Connection, ConnectionError, Mode};

/// A stream to the agent, and its place among those that may be open.
#[derive(Debug)]
pub struct GuestStream {
    stream: Compat<yamux::Stream>,
    _place: OwnedSemaphorePermit,
}

impl AsyncRead for GuestStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl AsyncWrite for GuestStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// How long a new stream waits for one of as many as may be open to end.
const PLACE_LIMIT: Duration = Duration::from_secs(5);

type Opened = Result<yamux::Stream, ConnectionError>;

/// The multiplexed channel to one guest; clones share it, it ends when the last one and all its
/// streams are gone.
#[derive(Clone, Debug)]
pub struct Channel {
    open: mpsc::Sender<oneshot::Sender<Opened>>,
    /// The multiplexer ends the whole session at one stream too many.
    places: Arc<Semaphore>,
}

/// No stream could be opened.
#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    /// The guest's side is gone.
    #[error("the guest's channel is closed")]
    Closed,
    /// As many streams as may be are open.
    #[error("{MAX_STREAMS} operations are under way in this guest already")]
    Busy,
    /// The guest broke the multiplexer's protocol.
    #[error("the guest's channel failed")]
    Session(#[from] ConnectionError),
}

impl Channel {
    /// Start the session over `stream`, which is past its greeting.
    #[must_use]
    pub fn start(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Self {
        let (open, requests) = mpsc::channel(16);
        let session = Connection::new(stream.compat(), config(), Mode::Client);
        tokio::spawn(drive(session, requests));
        Self { open, places: Arc::new(Semaphore::new(MAX_STREAMS)) }
    }

    /// Open a stream; nothing is sent until the first write.
    ///
    /// # Errors
    /// [`ChannelError::Busy`]; another [`ChannelError`] when the guest is gone.
    pub async fn open(&self) -> Result<GuestStream, ChannelError> {
        let place = tokio::time::timeout(PLACE_LIMIT, self.places.clone().acquire_owned()).await;
        let place = place.map_err(|_| ChannelError::Busy)?.map_err(|_| ChannelError::Closed)?;
        let (reply, opened) = oneshot::channel();
        self.open.send(reply).await.map_err(|_| ChannelError::Closed)?;
        let stream = opened.await.map_err(|_| ChannelError::Closed)??.compat();
        Ok(GuestStream { stream, _place: place })
    }

    /// Wait until the session is over.
    pub async fn closed(&self) {
        self.open.closed().await;
    }
}

/// Bounds that hold whatever the guest sends.
fn config() -> Config {
    let mut config = Config::default();
    config.set_max_num_streams(MAX_KNOWN_STREAMS);
    config.set_max_connection_receive_window(Some(
        MAX_KNOWN_STREAMS * yamux::DEFAULT_CREDIT as usize,
    ));
    config.set_split_send_size(DATA_CHUNK_LEN);
    config
}

/// Move the session's bytes and open the streams asked for, until either side is gone.
async fn drive(
    mut session: Connection<Compat<impl AsyncRead + AsyncWrite + Unpin>>,
    mut requests: mpsc::Receiver<oneshot::Sender<Opened>>,
) {
    let mut waiting: Option<oneshot::Sender<Opened>> = None;
    let mut clients = true;
    let end = poll_fn(|context| {
        loop {
            if waiting.is_none() && clients {
                match requests.poll_recv(context) {
                    Poll::Ready(Some(reply)) => waiting = Some(reply),
                    Poll::Ready(None) => clients = false,
                    Poll::Pending => {}
                }
            }
            if let Some(reply) = waiting.take() {
                match session.poll_new_outbound(context) {
                    Poll::Ready(opened) => {
                        let _ = reply.send(opened);
                        continue;
                    }
                    Poll::Pending => waiting = Some(reply),
                }
            }
            // The agent never opens streams; one that it opens is reset by being dropped.
            match session.poll_next_inbound(context) {
                Poll::Ready(Some(Ok(_unasked))) => {}
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error)),
                Poll::Ready(None) => return Poll::Ready(Ok(())),
                Poll::Pending => return Poll::Pending,
            }
        }
    });
    if let Err(error) = end.await {
        tracing::debug!(%error, "the guest's channel ended");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn one_stream_too_many_is_refused_and_ends_no_other() {
        let (ours, theirs) = tokio::io::duplex(1 << 20);
        let mut agent = Connection::new(theirs.compat(), config(), Mode::Server);
        tokio::spawn(async move {
            while let Some(Ok(stream)) = poll_fn(|context| agent.poll_next_inbound(context)).await {
                tokio::spawn(async move {
                    // Ends with the stream.
                    let (mut from, mut to) = tokio::io::split(stream.compat());
                    tokio::io::copy(&mut from, &mut to).await
                });
            }
        });
        let channel = Channel::start(ours);
        let answered = async || {
            let mut stream = channel.open().await?;
            stream.write_all(b"x").await.unwrap();
            stream.flush().await.unwrap();
            assert_eq!(stream.read_u8().await.unwrap(), b'x');
            Ok::<_, ChannelError>(stream)
        };
        let mut open = Vec::new();
        for _ in 0..MAX_STREAMS {
            open.push(answered().await.unwrap());
        }
        assert!(matches!(answered().await, Err(ChannelError::Busy)));
        open.pop();
        answered().await.unwrap();
        assert_eq!(open.len(), MAX_STREAMS - 1);
    }
}
