//! The process's own streams, as a command of a guest is given them.

use crate::printer;
use pyro_core::OutputTo;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io::{self, IsTerminal, Read};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, Stderr, Stdin, Stdout};
use tokio::sync::mpsc;
use tokio_util::bytes::Bytes;
use tokio_util::io::StreamReader;

/// How often a process in the background looks whether it is in the foreground.
const LOOK: Duration = Duration::from_millis(100);

/// How long one wait for a terminal's input takes; whether this process is in the foreground is
/// looked at again then.
const WAIT: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// Bytes read from a terminal at once: it gives a line at a time.
const READ_LEN: usize = 4096;

/// Stdout of this process; the printer hears of what is written.
pub(crate) fn stdout() -> Noted<Stdout> {
    Noted { stream: tokio::io::stdout(), note: printer::note_stdout }
}

/// As [`stdout`], for stderr.
fn stderr() -> Noted<Stderr> {
    Noted { stream: tokio::io::stderr(), note: printer::note_stderr }
}

/// A command's output, to that of this process.
pub(crate) fn output() -> OutputTo {
    OutputTo::Writers { stdout: Box::new(stdout()), stderr: Box::new(stderr()) }
}

/// Stdin of this process. A terminal is only read while this process is in its foreground: the
/// kernel would stop all of it for a read in the background, and again whenever it is continued, so
/// that no signal could end it.
pub(crate) fn stdin() -> Box<dyn AsyncRead + Unpin + Send> {
    if io::stdin().is_terminal() { Box::new(terminal()) } else { Box::new(whole()) }
}

fn whole() -> Stdin {
    tokio::io::stdin()
}

fn terminal() -> impl AsyncRead + Unpin + Send {
    let (give, mut take) = mpsc::channel::<io::Result<Bytes>>(1);
    let started = std::thread::Builder::new().name("terminal".to_owned()).spawn(move || {
        while let Some(line) = next_line().transpose() {
            let is_over = line.is_err();
            if give.blocking_send(line).is_err() || is_over {
                return;
            }
        }
    });
    if let Err(error) = started {
        tracing::warn!(%error, "the terminal cannot be read");
    }
    StreamReader::new(futures::stream::poll_fn(move |context| take.poll_recv(context)))
}

/// The next bytes that the terminal has for this process; none at its end.
fn next_line() -> io::Result<Option<Bytes>> {
    let stdin = io::stdin();
    loop {
        let mut input = [PollFd::new(&stdin, PollFlags::IN)];
        match poll(&mut input, Some(&WAIT)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => continue,
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        match rustix::termios::tcgetpgrp(&stdin) {
            Ok(foreground) if foreground != rustix::process::getpgrp() => {
                std::thread::sleep(LOOK);
                continue;
            }
            // Of a terminal that does not control this process there is no foreground.
            Ok(_) | Err(rustix::io::Errno::NOTTY) => {}
            Err(error) => return Err(error.into()),
        }
        let mut bytes = [0; READ_LEN];
        return match (&stdin).read(&mut bytes)? {
            0 => Ok(None),
            len => Ok(Some(Bytes::copy_from_slice(&bytes[..len]))),
        };
    }
}

/// A stream whose writes are told.
pub(crate) struct Noted<W> {
    stream: W,
    note: fn(&[u8]),
}

impl<W: AsyncWrite + Unpin> AsyncWrite for Noted<W> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, bytes))?;
        (self.note)(&bytes[..written]);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
