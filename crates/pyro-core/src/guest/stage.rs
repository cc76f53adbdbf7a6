//! Staged changes: a plan put in force whole or not at all, and what a crash left of one.

use super::client::{ClientError, send_message};
use super::conversation::{Said, begin, while_sending};
use pyro_protocol::GuestPath;
use pyro_protocol::files::{Commit, Hold, Recover, Recovered, Stage};
use pyro_protocol::message::{Reply, Request};
use pyro_protocol::tree::{Batch, Step};
use tokio::io::{AsyncRead, AsyncWrite};

/// Where the changes of a workspace's files are staged that are not in force yet.
pub const AREA: &str = "/.pyro/stages";

/// A stage that is kept while this is.
#[derive(Debug)]
pub struct Held<S> {
    _stream: S,
}

/// Keep a stage until the value is dropped, or this process dies: what was not committed by then is
/// removed.
///
/// # Errors
/// [`ClientError`].
pub async fn hold<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    stage: Stage,
) -> Result<Held<S>, ClientError> {
    send_message(&mut stream, &Request::Hold(Hold { stage })).await?;
    Ok(Held { _stream: stream })
}

/// Put a plan in force; what it puts was unpacked into its stage before. Durable when this returns.
///
/// # Errors
/// [`ClientError::Failed`] with [`pyro_protocol::message::FailureKind::Conflict`] when the tree is
/// not as expected; nothing has changed then. After any other error but `Failed`, [`recover`] tells
/// what has become of it.
pub async fn commit<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    request: Commit,
    steps: &[Step],
) -> Result<(), ClientError> {
    let (mut speaker, mut listener) = begin(stream, &Request::Commit(request)).await?;
    let sending = async {
        let mut batch = Batch::default();
        for step in steps {
            batch.step(step);
            if batch.is_full() {
                speaker.send(std::mem::take(&mut batch)).await?;
            }
        }
        if !batch.is_empty() {
            speaker.send(batch).await?;
        }
        speaker.end().await
    };
    match while_sending(&mut listener, sending).await? {
        (Some(()), Said::Reply(Reply::Done)) => Ok(()),
        _ => Err(ClientError::Unasked("an answer before it had the plan")),
    }
}

/// Finish interrupted plans and remove all other stages; after each mount of a disk that stages are
/// used on.
///
/// # Errors
/// [`ClientError`].
pub async fn recover<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    area: GuestPath,
) -> Result<Recovered, ClientError> {
    let (_speaker, mut listener) = begin(stream, &Request::Recover(Recover { area })).await?;
    match listener.next().await? {
        Said::Reply(Reply::Recovered(recovered)) => Ok(recovered),
        _ => Err(ClientError::Unasked("another reply than a recovery's")),
    }
}
