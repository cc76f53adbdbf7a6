//! Output: a command's pipe becomes frames on its stream.

use crate::sys;
use crate::wire::{Gone, Wire};
use pyro_protocol::limits::DATA_CHUNK_LEN;
use pyro_protocol::{FrameKind, frame};
use std::io;
use std::os::fd::OwnedFd;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::watch;

/// Send what `pipe` gives until its end. When `stop` turns true, send only what is in the pipe at
/// that moment: all that the command itself has written is there, and a background process that
/// holds the pipe may write for ever. The pipe is then given back, for what comes later.
pub(crate) async fn pump(
    pipe: OwnedFd,
    kind: FrameKind,
    wire: &Wire,
    mut stop: watch::Receiver<bool>,
) -> Result<Option<AsyncFd<OwnedFd>>, Gone> {
    let Ok(pipe) = sys::ready_when(pipe, Interest::READABLE) else { return Err(Gone) };
    // One buffer for the whole command, with room for the header: each chunk is read and sent in
    // place.
    let mut frame = vec![0; DATA_CHUNK_LEN];
    loop {
        let read = tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => {
                rest(&pipe, kind, wire, &mut frame).await?;
                return Ok(Some(pipe));
            }
            read = pipe.async_io(Interest::READABLE, |fd| read(fd, &mut frame[frame::HEADER_LEN..])) => read,
        };
        match read {
            Ok(0) | Err(_) => return Ok(None),
            Ok(len) => send(kind, wire, &mut frame, len).await?,
        }
    }
}

/// Send what is in the pipe now and no more.
async fn rest(
    pipe: &AsyncFd<OwnedFd>,
    kind: FrameKind,
    wire: &Wire,
    frame: &mut [u8],
) -> Result<(), Gone> {
    let mut left = rustix::io::ioctl_fionread(pipe.get_ref())
        .map_or(0, |len| usize::try_from(len).unwrap_or(0));
    while left > 0 {
        let room = (frame.len() - frame::HEADER_LEN).min(left);
        match read(pipe.get_ref(), &mut frame[frame::HEADER_LEN..][..room]) {
            Ok(0) | Err(_) => break,
            Ok(len) => {
                left -= len;
                send(kind, wire, frame, len).await?;
            }
        }
    }
    Ok(())
}

async fn send(kind: FrameKind, wire: &Wire, frame: &mut [u8], len: usize) -> Result<(), Gone> {
    frame[..frame::HEADER_LEN].copy_from_slice(&frame::header(kind, len));
    wire.send_frame(&frame[..frame::HEADER_LEN + len]).await
}

fn read(pipe: &OwnedFd, buffer: &mut [u8]) -> io::Result<usize> {
    rustix::io::retry_on_intr(|| rustix::io::read(pipe, &mut *buffer)).map_err(Into::into)
}
