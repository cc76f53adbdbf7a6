//! One client of a running vm: its bytes go to a stream of the guest's agent and back, unchanged.

use crate::guest::client::{ClientError, FrameReader};
use crate::guest::transport::Channel;
use crate::vm::launch::Call;
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::mpsc;

/// Bytes moved at once, each way.
const RELAY_LEN: usize = 256 * 1024;

/// Serve `client` until either side ends.
pub(super) async fn serve(client: UnixStream, channel: Channel, stop: mpsc::Sender<()>) {
    if let Err(error) = answer(client, channel, stop).await {
        tracing::debug!(%error, "a client's connection ended");
    }
}

async fn answer(client: UnixStream, channel: Channel, stop: mpsc::Sender<()>) -> Result<(), ClientError> {
    let (reader, mut writer) = client.into_split();
    let mut frames = FrameReader::new(reader);
    match frames.message::<Call>().await? {
        Call::Guest => {}
        Call::Stop => {
            let _ = stop.send(()).await;
            // Held open until the process ends: the client learns by its end that the vm is gone.
            std::future::pending::<()>().await;
        }
    }
    let (mut reader, first) = frames.into_inner();
    let guest = channel.open().await.map_err(|error| ClientError::Io(io::Error::other(error)))?;
    let (mut from_guest, mut to_guest) = tokio::io::split(guest);
    to_guest.write_all(&first).await?;
    to_guest.flush().await?;
    // Whichever direction ends first ends both: a client that is gone has its stream reset by the drop below, on
    // which the agent kills the command; an agent that is done has sent all it had.
    tokio::select! {
        moved = pump(&mut reader, &mut to_guest) => moved?,
        moved = pump(&mut from_guest, &mut writer) => moved?,
    }
    Ok(())
}

async fn pump(from: &mut (impl AsyncRead + Unpin), to: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
    let mut bytes = vec![0; RELAY_LEN];
    loop {
        let count = from.read(&mut bytes).await?;
        if count == 0 {
            return to.flush().await;
        }
        to.write_all(&bytes[..count]).await?;
        to.flush().await?;
    }
}
