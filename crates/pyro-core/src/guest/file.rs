//! Files in the guest: read in parts, written whole or not at all; directories; the disk made
//! durable.

use super::client::{ClientError, call};
use super::conversation::{Listener, Said, Speaker, begin, while_sending};
use pyro_protocol::GuestPath;
use pyro_protocol::files::{Mkdir, Read, Write};
use pyro_protocol::limits::DATA_CHUNK_LEN;
use pyro_protocol::message::{Reply, Request};
use pyro_protocol::tree::{Meta, Record, Records};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};

/// A file's content as it comes.
#[derive(Debug)]
pub struct Content<S> {
    listener: Listener<S>,
    _speaker: Speaker<S>,
    meta: Meta,
    left: u64,
    is_over: bool,
}

/// Begin to read a file.
///
/// # Errors
/// [`ClientError::Failed`] when there is no such file or it is no regular one.
pub async fn read<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    request: Read,
) -> Result<Content<S>, ClientError> {
    let left = request.length.unwrap_or(u64::MAX);
    let (speaker, mut listener) = begin(stream, &Request::Read(request)).await?;
    let meta = match listener.next().await? {
        Said::Data(payload) => only_entry(&payload)?,
        Said::Reply(_) => return Err(ClientError::Unasked("a reply before the file's entry")),
    };
    Ok(Content { listener, _speaker: speaker, meta, left, is_over: false })
}

impl<S: AsyncRead + Unpin> Content<S> {
    /// What the file is.
    #[must_use]
    pub fn meta(&self) -> &Meta {
        &self.meta
    }

    /// The next bytes, `None` at the end; never more in all than was asked for.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, ClientError> {
        if self.is_over {
            return Ok(None);
        }
        match self.listener.next().await? {
            Said::Data(bytes) => {
                let left = self.left.checked_sub(bytes.len() as u64);
                self.left = left.ok_or(ClientError::Unasked("more bytes than it may"))?;
                Ok(Some(bytes))
            }
            Said::Reply(Reply::Done) => {
                self.is_over = true;
                Ok(None)
            }
            Said::Reply(_) => Err(ClientError::Unasked("another reply than a read's")),
        }
    }
}

/// Write a file from `content`, which gives `request.size` bytes; durable when this returns.
///
/// # Errors
/// [`ClientError`]; the old file, or none, is then still there.
pub async fn write<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    request: Write,
    content: impl AsyncRead + Unpin,
) -> Result<Meta, ClientError> {
    let mut content = content.take(request.size);
    let (mut speaker, mut listener) = begin(stream, &Request::Write(request)).await?;
    let sending = async {
        let mut chunk = vec![0; DATA_CHUNK_LEN];
        loop {
            match content.read(&mut chunk).await? {
                0 => break,
                len => speaker.send_bytes(&chunk[..len]).await?,
            }
        }
        speaker.end().await
    };
    match while_sending(&mut listener, sending).await? {
        (Some(()), Said::Data(payload)) => {
            let meta = only_entry(&payload)?;
            listener.done().await?;
            Ok(meta)
        }
        _ => Err(ClientError::Unasked("an answer before it had the file")),
    }
}

/// Make a directory.
///
/// # Errors
/// [`ClientError`].
pub async fn mkdir<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    path: GuestPath,
    mode: u32,
    parents: bool,
) -> Result<(), ClientError> {
    call(stream, &Request::Mkdir(Mkdir { path, mode, parents })).await
}

/// Make all that was written to the disk durable.
///
/// # Errors
/// [`ClientError`].
pub async fn sync<S: AsyncRead + AsyncWrite + Unpin>(stream: S) -> Result<(), ClientError> {
    call(stream, &Request::Sync).await
}

fn only_entry(payload: &[u8]) -> Result<Meta, ClientError> {
    let mut records = Records::new(payload);
    match (records.next().transpose()?, records.next()) {
        (Some(Record::Entry { meta, .. }), None) => Ok(meta),
        _ => Err(ClientError::Unasked("something else than a file's entry")),
    }
}
