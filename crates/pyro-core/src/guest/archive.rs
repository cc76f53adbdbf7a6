//! Whole trees to and from the guest: an archive's records, made and taken by plain blocking code
//! beside the channel.

use super::client::ClientError;
use super::conversation::{Said, begin};
use super::tree::send_paths;
use pyro_protocol::TreePath;
use pyro_protocol::files::{Pack, Unpack};
use pyro_protocol::message::{Reply, Request};
use pyro_protocol::tree::{Batch, Record, Records};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;

/// Batches that wait between the channel and the code beside it.
const DEPTH: usize = 4;

/// A tree that was not carried.
#[derive(Debug, thiserror::Error)]
pub enum TransferError<E> {
    /// The guest's side failed.
    #[error(transparent)]
    Guest(#[from] ClientError),
    /// This side failed.
    #[error(transparent)]
    Local(E),
}

/// The other side wants no more; why, it says itself.
#[derive(Debug, thiserror::Error)]
#[error("the receiver wants no more")]
pub struct NoMore;

/// Where a source leaves its batches; it waits while the guest is busy.
#[derive(Debug)]
pub struct Outlet(mpsc::Sender<Batch>);

impl Outlet {
    /// Send a batch; blocking.
    ///
    /// # Errors
    /// [`NoMore`] when the guest has failed or the operation was dropped.
    pub fn send(&self, batch: Batch) -> Result<(), NoMore> {
        self.0.blocking_send(batch).map_err(|_| NoMore)
    }
}

/// Make a tree in the guest from what `source` sends; `source` runs in a thread of its own. When it
/// fails, so does the guest's part, and nothing of it stays.
///
/// # Errors
/// [`TransferError`].
pub async fn unpack<S, T, E>(
    stream: S,
    request: Unpack,
    source: impl FnOnce(&Outlet) -> Result<T, E> + Send + 'static,
) -> Result<T, TransferError<E>>
where
    S: AsyncRead + AsyncWrite + Unpin,
    T: Send + 'static,
    E: Send + 'static,
{
    let (mut speaker, mut listener) = begin(stream, &Request::Unpack(request)).await?;
    let (sender, mut batches) = mpsc::channel(DEPTH);
    let source = tokio::task::spawn_blocking(move || source(&Outlet(sender)));
    let sending = async {
        while let Some(batch) = batches.recv().await {
            speaker.send(batch).await?;
        }
        let made = source.await.map_err(|err| ClientError::Io(std::io::Error::other(err)))?;
        // Without its end the guest takes the tree for broken off, and removes it.
        if made.is_ok() {
            speaker.end().await?;
        }
        Ok(made)
    };
    let sent: Result<Result<T, E>, ClientError> = tokio::select! {
        biased;
        said = listener.next() => Err(said.err().unwrap_or(ClientError::Unasked("an answer before it had the tree"))),
        sent = sending => sent,
    };
    match sent {
        Ok(Ok(made)) => listener.done().await.map(|()| made).map_err(TransferError::Guest),
        Ok(Err(error)) => Err(TransferError::Local(error)),
        Err(ClientError::Io(broken)) => match listener.next().await {
            // An agent that breaks off has said why.
            Err(failed @ ClientError::Failed(_)) => Err(TransferError::Guest(failed)),
            _ => Err(TransferError::Guest(ClientError::Io(broken))),
        },
        Err(error) => Err(TransferError::Guest(error)),
    }
}

/// Give a tree of the guest to `sink` by `put`, record by record in a thread of its own, and `sink`
/// back at the end. Of a list, only its nodes are sent.
///
/// # Errors
/// [`TransferError`]; `sink` is dropped then.
pub async fn pack<S, K, E>(
    stream: S,
    request: Pack,
    list: &[TreePath],
    mut sink: K,
    put: impl Fn(&mut K, &Record<'_>) -> Result<(), E> + Send + 'static,
) -> Result<K, TransferError<E>>
where
    S: AsyncRead + AsyncWrite + Unpin,
    K: Send + 'static,
    E: From<pyro_protocol::tree::RecordError> + Send + 'static,
{
    let listed = request.listed;
    let (mut speaker, mut listener) = begin(stream, &Request::Pack(request)).await?;
    let (payloads, mut taken) = mpsc::channel::<Vec<u8>>(DEPTH);
    let taker = tokio::task::spawn_blocking(move || {
        while let Some(payload) = taken.blocking_recv() {
            for record in Records::new(&payload) {
                put(&mut sink, &record?)?;
            }
        }
        Ok::<K, E>(sink)
    });
    let send = async {
        if listed {
            send_paths(&mut speaker, list).await?;
        }
        std::future::pending::<Result<(), ClientError>>().await
    };
    let receive = async {
        loop {
            let said = tokio::select! {
                biased;
                // Failed: what the guest still has to say does not matter.
                () = payloads.closed() => return Ok(false),
                said = listener.next() => said?,
            };
            match said {
                Said::Data(payload) => {
                    if payloads.send(payload).await.is_err() {
                        return Ok(false);
                    }
                }
                Said::Reply(Reply::Done) => return Ok(true),
                Said::Reply(_) => return Err(ClientError::Unasked("another reply than a tree's")),
            }
        }
    };
    let received = tokio::select! {
        biased;
        received = receive => received,
        sent = send => Err(sent.err().unwrap_or(ClientError::Ended)),
    };
    drop(payloads);
    let taken = taker.await.map_err(|err| ClientError::Io(std::io::Error::other(err)))?;
    match (taken, received) {
        (Err(error), _) => Err(TransferError::Local(error)),
        (Ok(_), Err(error)) => Err(TransferError::Guest(error)),
        (Ok(sink), Ok(true)) => Ok(sink),
        (Ok(_), Ok(false)) => Err(TransferError::Guest(ClientError::Ended)),
    }
}
