//! Input: frames from the host become a command's stdin.

use crate::sys;
use crate::wire::{Gone, Wire};
use pyro_protocol::FrameKind;
use std::io;
use std::os::fd::OwnedFd;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::Notify;

/// Feed the command until the host closes the stream, or breaks its rules, which is the same to the
/// command. Not reading on while the command does not take what was read is what makes the
/// multiplexer hold this stream back, and only this.
pub(crate) async fn feed(wire: &Wire, stdin: Option<OwnedFd>, activity: &Notify) {
    let mut stdin = stdin.and_then(|stdin| sys::ready_when(stdin, Interest::WRITABLE).ok());
    while let Ok(frame) = wire.recv().await {
        match frame.kind {
            FrameKind::InputEnd => stdin = None,
            FrameKind::Input => {
                let Some(pipe) = &stdin else { continue };
                match write_all(wire, pipe, &frame.payload, activity).await {
                    Ok(Ok(())) => {}
                    // The command has closed its stdin: the rest is dropped, as in a shell's
                    // pipeline.
                    Ok(Err(_)) => stdin = None,
                    Err(Gone) => return,
                }
            }
            FrameKind::Message | FrameKind::Stdout | FrameKind::Stderr => return,
        }
    }
}

/// Write as the command takes it. The stream is not read meanwhile, so that the host has reset it
/// is seen otherwise.
async fn write_all(
    wire: &Wire,
    pipe: &AsyncFd<OwnedFd>,
    mut bytes: &[u8],
    activity: &Notify,
) -> Result<io::Result<()>, Gone> {
    while !bytes.is_empty() {
        let moved = activity.notified();
        tokio::pin!(moved);
        moved.as_mut().enable();
        if wire.is_closed() {
            return Err(Gone);
        }
        tokio::select! {
            biased;
            written = pipe.async_io(Interest::WRITABLE, |fd| Ok(rustix::io::write(fd, bytes)?)) => match written {
                Ok(len) => bytes = &bytes[len..],
                Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
                Err(err) => return Ok(Err(err)),
            },
            () = moved => {}
        }
    }
    Ok(Ok(()))
}
