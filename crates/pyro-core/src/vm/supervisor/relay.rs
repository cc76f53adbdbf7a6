//! One client of a running vm: its bytes go to a stream of the guest's agent and back, unchanged.

use crate::guest::client::{ClientError, FrameReader, send_message};
use crate::guest::transport::{Channel, ChannelError};
use pyro_protocol::message::{Failure, FailureKind, Reply};
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

/// Bytes moved at once, each way.
const RELAY_LEN: usize = 256 * 1024;

/// A client's connection, past what it asked for.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) frames: FrameReader<OwnedReadHalf>,
    pub(super) writer: OwnedWriteHalf,
}

/// Move bytes between `client` and a new stream of the agent until either side ends.
pub(super) async fn relay(channel: &Channel, client: Client) -> Result<(), ClientError> {
    let Client { frames, mut writer } = client;
    let (mut reader, first) = frames.into_inner();
    let guest = match channel.open().await {
        Ok(guest) => guest,
        Err(error @ ChannelError::Busy) => {
            let busy = Failure { kind: FailureKind::Busy, message: error.to_string() };
            return send_message(&mut writer, &Reply::Failed(busy)).await;
        }
        Err(error) => return Err(ClientError::Io(io::Error::other(error))),
    };
    let (mut from_guest, mut to_guest) = tokio::io::split(guest);
    to_guest.write_all(&first).await?;
    to_guest.flush().await?;
    // Whichever direction ends first ends both: a client that is gone has its stream reset by the
    // drop below, on which the agent kills the command; an agent that is done has sent all it had.
    let (up, down) = (pump(&mut reader, &mut to_guest), pump(&mut from_guest, &mut writer));
    tokio::pin!(up, down);
    let moved = tokio::select! {
        moved = &mut up => match moved {
            // An agent that takes no more has said why.
            Err(Broken::To(_)) => down.await,
            moved => moved,
        },
        moved = &mut down => moved,
    };
    Ok(moved.map_err(|(Broken::From(error) | Broken::To(error))| error)?)
}

/// Which side broke.
enum Broken {
    From(io::Error),
    To(io::Error),
}

async fn pump(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
) -> Result<(), Broken> {
    let mut bytes = vec![0; RELAY_LEN];
    loop {
        let count = from.read(&mut bytes).await.map_err(Broken::From)?;
        to.write_all(&bytes[..count]).await.map_err(Broken::To)?;
        to.flush().await.map_err(Broken::To)?;
        if count == 0 {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::future::{poll_fn, poll_immediate};
    use std::sync::Arc;
    use tokio::net::UnixStream;
    use tokio::sync::Notify;
    use tokio_util::compat::{FuturesAsyncReadCompatExt, TokioAsyncReadCompatExt};
    use yamux::{Config, Connection, Mode};

    /// An agent that says one thing on each stream, when it is told to, and is gone.
    async fn breaks_off(
        port: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        go: Arc<Notify>,
    ) {
        let mut agent = Connection::new(port.compat(), Config::default(), Mode::Server);
        while let Some(Ok(stream)) = poll_fn(|context| agent.poll_next_inbound(context)).await {
            let go = Arc::clone(&go);
            tokio::spawn(async move {
                go.notified().await;
                stream.compat().write_all(b"why").await.unwrap();
            });
        }
    }

    #[tokio::test]
    async fn what_an_agent_says_before_it_breaks_off_arrives() {
        const TURNS: usize = 500;
        let (ours, theirs) = tokio::io::duplex(1 << 20);
        let go = Arc::new(Notify::new());
        tokio::spawn(breaks_off(theirs, Arc::clone(&go)));
        let channel = Channel::start(ours);
        for round in 0..20 {
            let (client, ours) = UnixStream::pair().unwrap();
            let (reader, writer) = ours.into_split();
            let (mut from, mut to) = client.into_split();
            let sending =
                tokio::spawn(async move { while to.write_all(&[7; 65536]).await.is_ok() {} });
            let mut relayed =
                Box::pin(relay(&channel, Client { frames: FrameReader::new(reader), writer }));
            for _ in 0..TURNS {
                assert!(poll_immediate(&mut relayed).await.is_none(), "round {round}");
                tokio::task::yield_now().await;
            }
            go.notify_one();
            // Meanwhile its words and its end arrive both.
            for _ in 0..TURNS {
                tokio::task::yield_now().await;
            }
            let _ = relayed.await;
            let mut said = [0; 3];
            assert!(from.read_exact(&mut said).await.is_ok(), "round {round}");
            assert_eq!(&said, b"why");
            sending.await.unwrap();
        }
    }
}
