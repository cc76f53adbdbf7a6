//! The channel: one byte stream to the host, and what its device makes special.
//!
//! A virtio-serial port reads as "end of file" and polls as "hung up" for as long as no host is
//! connected, and becomes alive again with the next one. Its device also takes at most 32 KiB a
//! write, at a fixed cost, so writes are gathered.

use crate::boundary::{Boundary, Next};
use crate::sys;
use futures::io::{AsyncRead, AsyncWrite};
use rustix::event::{Timespec, epoll};
use rustix::io::Errno;
use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Bytes gathered for one write: what the port's driver takes at once.
const WRITE_LEN: usize = 32 * 1024;

/// Bytes asked for by one read: the port gives no more.
const READ_LEN: usize = 4 * 1024;

/// What "end of file" means here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// No host is connected; another one may come.
    Wait,
    /// Nobody will come again.
    Final,
}

/// The byte stream; used by one task at a time.
pub(crate) struct Channel {
    fd: OwnedFd,
    /// An epoll of our own around `fd`. Registered directly, a hang-up would stay "ready" in the
    /// runtime for ever.
    events: AsyncFd<OwnedFd>,
    end: End,
    input: Vec<u8>,
    output: Vec<u8>,
    written: usize,
    boundary: Boundary,
    /// The input is a new host's.
    foreign: bool,
}

impl Channel {
    /// Take over `fd`, which must not block.
    pub(crate) fn new(fd: OwnedFd, end: End) -> io::Result<Self> {
        let events = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let interest = epoll::EventFlags::IN | epoll::EventFlags::OUT | epoll::EventFlags::ET;
        epoll::add(&events, &fd, epoll::EventData::new_u64(0), interest)?;
        Ok(Self {
            fd,
            events: sys::ready_when(events, Interest::READABLE)?,
            end,
            input: Vec::new(),
            output: Vec::with_capacity(WRITE_LEN),
            written: 0,
            boundary: Boundary::default(),
            foreign: false,
        })
    }

    /// What "end of file" means here.
    pub(crate) fn end(&self) -> End {
        self.end
    }

    /// Wait until the descriptor's state has changed since the last call.
    pub(crate) fn poll_change(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut guard = ready!(self.events.poll_read_ready(cx))?;
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        let mut events = [epoll::Event {
            flags: epoll::EventFlags::empty(),
            data: epoll::EventData::new_u64(0),
        }; 1];
        epoll::wait(self.events.get_ref(), &mut events, Some(&now))?;
        guard.clear_ready();
        Poll::Ready(Ok(()))
    }

    /// Add what has arrived to the input; 0 at the end of file.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.input.reserve(READ_LEN);
        loop {
            match rustix::io::read(&self.fd, rustix::buffer::spare_capacity(&mut self.input)) {
                Ok(len) => return Poll::Ready(Ok(len)),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => ready!(self.poll_change(cx))?,
                Err(err) => return Poll::Ready(Err(err.into())),
            }
        }
    }

    /// Write out what is gathered.
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.written < self.output.len() {
            match rustix::io::write(&self.fd, &self.output[self.written..]) {
                Ok(len) => self.written += len,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => ready!(self.poll_change(cx))?,
                Err(err) => return Poll::Ready(Err(err.into())),
            }
        }
        self.output.clear();
        self.written = 0;
        Poll::Ready(Ok(()))
    }

    /// Take bytes for writing: large runs at once, the rest gathered until a write is full or
    /// [`Channel::poll_drain`].
    fn poll_put(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.output.len() >= WRITE_LEN {
            ready!(self.poll_drain(cx))?;
        }
        if self.output.is_empty() && bytes.len() >= WRITE_LEN {
            loop {
                match rustix::io::write(&self.fd, bytes) {
                    Ok(len) => return Poll::Ready(Ok(len)),
                    Err(Errno::INTR) => {}
                    Err(Errno::AGAIN) => ready!(self.poll_change(cx))?,
                    Err(err) => return Poll::Ready(Err(err.into())),
                }
            }
        }
        let len = bytes.len().min(WRITE_LEN - self.output.len());
        self.output.extend_from_slice(&bytes[..len]);
        Poll::Ready(Ok(len))
    }
}

/// The channel as its users hold it: the greeting, and the multiplexer inside a session.
#[derive(Clone)]
pub(crate) struct Shared(Rc<RefCell<Channel>>);

impl Shared {
    /// Share a channel.
    pub(crate) fn new(channel: Channel) -> Self {
        Self(Rc::new(RefCell::new(channel)))
    }

    /// What "end of file" means here.
    pub(crate) fn end(&self) -> End {
        self.0.borrow().end()
    }

    /// Everything that has arrived, at least one byte; `None` at the end of file.
    pub(crate) async fn receive(&self) -> io::Result<Option<Vec<u8>>> {
        poll_fn(|cx| {
            let mut channel = self.0.borrow_mut();
            if channel.input.is_empty() && ready!(channel.poll_fill(cx))? == 0 {
                return Poll::Ready(Ok(None));
            }
            Poll::Ready(Ok(Some(std::mem::take(&mut channel.input))))
        })
        .await
    }

    /// Wait for the device's state to change, such as a host that connects.
    pub(crate) async fn changed(&self) -> io::Result<()> {
        poll_fn(|cx| self.0.borrow().poll_change(cx)).await
    }

    /// Give back bytes that belong to what follows.
    pub(crate) fn unread(&self, rest: Vec<u8>) {
        let mut channel = self.0.borrow_mut();
        let later = std::mem::replace(&mut channel.input, rest);
        channel.input.extend(later);
    }

    /// Write all of `bytes`.
    pub(crate) async fn send(&self, bytes: &[u8]) -> io::Result<()> {
        let mut sent = 0;
        while sent < bytes.len() {
            sent += poll_fn(|cx| self.0.borrow_mut().poll_put(cx, &bytes[sent..])).await?;
        }
        poll_fn(|cx| self.poll_flushed(cx)).await
    }

    /// Write out what the multiplexer has put; its owner calls this when the multiplexer has
    /// nothing more to say.
    pub(crate) fn poll_flushed(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.borrow_mut().poll_drain(cx)
    }

    /// Forget the session that is over: what was being written, and what was read unless it is a
    /// new host's.
    pub(crate) fn reset(&self) {
        let channel = &mut *self.0.borrow_mut();
        if !std::mem::take(&mut channel.foreign) {
            channel.input.clear();
        }
        channel.output.clear();
        channel.written = 0;
        channel.boundary = Boundary::default();
    }
}

impl AsyncRead for Shared {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let channel = &mut *self.0.borrow_mut();
        let limit = loop {
            match channel.boundary.look(&channel.input) {
                Next::Frame(limit) if !channel.input.is_empty() => break limit,
                // The session ends here; the bytes stay for the greeting.
                Next::Foreign => {
                    channel.foreign = true;
                    return Poll::Ready(Ok(0));
                }
                Next::Frame(_) | Next::Unknown => {
                    if ready!(channel.poll_fill(cx))? == 0 {
                        return Poll::Ready(Ok(0));
                    }
                }
            }
        };
        let len = buffer.len().min(limit).min(channel.input.len());
        buffer[..len].copy_from_slice(&channel.input[..len]);
        channel.input.drain(..len);
        channel.boundary.take(len);
        Poll::Ready(Ok(len))
    }
}

impl AsyncWrite for Shared {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0.borrow_mut().poll_put(cx, bytes)
    }

    /// The multiplexer flushes after each frame; [`Shared::poll_flushed`] does after all that are
    /// ready.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flushed(cx)
    }
}
