//! `Patient`: a stream on which somebody who says nothing for too long is taken for dead.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// A stream that fails when nothing moves in either direction for a time.
#[derive(Debug)]
pub struct Patient<S> {
    stream: S,
    limit: Duration,
    over: Pin<Box<Sleep>>,
}

impl<S> Patient<S> {
    /// Wait at most `limit` for anything to move.
    pub fn new(stream: S, limit: Duration) -> Self {
        Self { stream, limit, over: Box::pin(tokio::time::sleep(limit)) }
    }

    fn judge<T>(
        &mut self,
        polled: Poll<io::Result<T>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.over.as_mut().reset(Instant::now() + self.limit);
            return polled;
        }
        match self.over.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("the guest did nothing for {} seconds", self.limit.as_secs()),
            ))),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.judge(polled, context)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.judge(polled, context)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(context);
        self.judge(polled, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_shutdown(context);
        self.judge(polled, context)
    }
}

#[cfg(test)]
mod tests {
    use super::Patient;
    use std::io::ErrorKind;
    use std::time::Duration;
    use tokio::io::AsyncReadExt;

    #[test]
    fn silence_is_an_error_and_a_word_is_none() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let (mut word, silent) = tokio::io::duplex(16);
            tokio::io::AsyncWriteExt::write_all(&mut word, b"x").await.unwrap();
            let mut patient = Patient::new(silent, Duration::from_millis(20));
            assert_eq!(patient.read_u8().await.unwrap(), b'x');
            assert_eq!(patient.read_u8().await.unwrap_err().kind(), ErrorKind::TimedOut);
            drop(word);
        });
    }
}
