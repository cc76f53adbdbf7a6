//! The wire: frames over one stream of the session.

use futures::io::{AsyncRead, AsyncWrite};
use pyro_protocol::message::Reply;
use pyro_protocol::{Frame, FrameDecoder, FrameError, frame};
use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::ready;

/// Bytes taken from the stream at once.
const READ_LEN: usize = 32 * 1024;

/// How much is read at first, in bytes.
const SMALL_READ_LEN: usize = 2 * 1024;

/// The host has closed or reset the stream, or the session is over.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Gone;

/// Why the next frame cannot be had.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum RecvError {
    /// No more will come.
    Gone,
    /// What came is not a frame.
    Malformed(FrameError),
}

/// One stream: read by one future and written by several, all of the same task.
pub(crate) struct Wire {
    stream: RefCell<yamux::Stream>,
    decoder: RefCell<FrameDecoder>,
    /// Held while a frame is written, so that frames of different writers do not mix.
    turn: tokio::sync::Mutex<()>,
}

impl Wire {
    /// Speak frames over `stream`.
    pub(crate) fn new(stream: yamux::Stream) -> Self {
        Self {
            stream: RefCell::new(stream),
            decoder: RefCell::default(),
            turn: tokio::sync::Mutex::new(()),
        }
    }

    /// The next frame.
    pub(crate) async fn recv(&self) -> Result<Frame, RecvError> {
        // Most frames are small, and each fresh page costs an emulated guest a fault; only a long
        // one gets more room.
        let mut chunk = vec![0; SMALL_READ_LEN];
        loop {
            if let Some(frame) =
                self.decoder.borrow_mut().next_frame().map_err(RecvError::Malformed)?
            {
                return Ok(frame);
            }
            let read =
                poll_fn(|cx| Pin::new(&mut *self.stream.borrow_mut()).poll_read(cx, &mut chunk))
                    .await;
            match read {
                Ok(0) | Err(_) => return Err(RecvError::Gone),
                Ok(len) => {
                    self.decoder.borrow_mut().push(&chunk[..len]);
                    if len == chunk.len() {
                        chunk.resize(READ_LEN, 0);
                    }
                }
            }
        }
    }

    /// Send bytes that are a whole frame, header included.
    pub(crate) async fn send_frame(&self, frame: &[u8]) -> Result<(), Gone> {
        let _turn = self.turn.lock().await;
        let mut sent = 0;
        poll_fn(|cx| {
            while sent < frame.len() {
                let mut stream = self.stream.borrow_mut();
                sent += ready!(Pin::new(&mut *stream).poll_write(cx, &frame[sent..]))
                    .map_err(|_| Gone)?;
            }
            Ok(()).into()
        })
        .await
    }

    /// Send a reply.
    pub(crate) async fn send(&self, reply: &Reply) -> Result<(), Gone> {
        // A reply of ours is small and plain, so it can always be encoded.
        let frame = frame::encode_message(reply).map_err(|_| Gone)?;
        self.send_frame(&frame).await
    }

    /// Send the last reply and close the stream.
    pub(crate) async fn finish(&self, reply: &Reply) {
        if self.send(reply).await.is_ok() {
            let _ = poll_fn(|cx| Pin::new(&mut *self.stream.borrow_mut()).poll_close(cx)).await;
        }
    }

    /// Whether the host has reset the stream (or the session is over): nothing sent will arrive.
    pub(crate) fn is_closed(&self) -> bool {
        self.stream.borrow().is_closed()
    }

    /// Wait until the host has closed or reset the stream, dropping what it may send.
    pub(crate) async fn closed(&self) {
        while self.recv().await.is_ok() {}
    }
}
