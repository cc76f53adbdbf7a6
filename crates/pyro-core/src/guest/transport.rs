//! The channel: one `yamux` session over the agent's port, each operation a stream of it.

use futures::future::poll_fn;
use std::task::Poll;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, oneshot};
use tokio_util::compat::{Compat, FuturesAsyncReadCompatExt, TokioAsyncReadCompatExt};
use yamux::{Config, Connection, ConnectionError, Mode};

/// A stream to the agent.
pub type GuestStream = Compat<yamux::Stream>;

type Opened = Result<yamux::Stream, ConnectionError>;

/// The multiplexed channel to one guest; clones share it, it ends when the last one and all its streams are gone.
#[derive(Clone, Debug)]
pub struct Channel {
    open: mpsc::Sender<oneshot::Sender<Opened>>,
}

/// No stream could be opened.
#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    /// The guest's side is gone.
    #[error("the guest's channel is closed")]
    Closed,
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
        Self { open }
    }

    /// Open a stream; nothing is sent until the first write.
    ///
    /// # Errors
    /// [`ChannelError`] when the guest is gone.
    pub async fn open(&self) -> Result<GuestStream, ChannelError> {
        let (reply, opened) = oneshot::channel();
        self.open.send(reply).await.map_err(|_| ChannelError::Closed)?;
        Ok(opened.await.map_err(|_| ChannelError::Closed)??.compat())
    }

    /// Wait until the session is over.
    pub async fn closed(&self) {
        self.open.closed().await;
    }
}

/// Bounds that hold whatever the guest sends.
fn config() -> Config {
    let mut config = Config::default();
    config.set_max_num_streams(pyro_protocol::limits::MAX_STREAMS);
    config.set_max_connection_receive_window(Some(pyro_protocol::limits::MAX_STREAMS * yamux::DEFAULT_CREDIT as usize));
    config.set_split_send_size(pyro_protocol::limits::DATA_CHUNK_LEN);
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
