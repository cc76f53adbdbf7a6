//! Descriptors that travel over a Unix socket.

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags};
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd};

/// Send `fd` along with one blank; fails with `WouldBlock` when the socket is full.
///
/// # Errors
/// When it cannot be sent.
pub fn send(socket: impl AsFd, fd: BorrowedFd<'_>) -> io::Result<()> {
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    let fds = [fd];
    if !ancillary.push(SendAncillaryMessage::ScmRights(&fds)) {
        return Err(io::ErrorKind::OutOfMemory.into());
    }
    rustix::net::sendmsg(socket, &[IoSlice::new(b" ")], &mut ancillary, SendFlags::NOSIGNAL)?;
    Ok(())
}
