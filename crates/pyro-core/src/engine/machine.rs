//! A running machine: its process, the ends of its sockets, and the bounded end of what it says.

use super::qmp::monitor::{Monitor, MonitorError};
use crate::host::process::ProcessId;
use crate::host::terminal::printable;
use std::collections::VecDeque;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::UnixStream;

/// How much of a console or of an engine's stderr is kept, in bytes.
const TAIL_LEN: usize = 16 * 1024;

/// A running machine; dropping it kills the process.
#[derive(Debug)]
pub struct Machine {
    /// Its process.
    pub child: tokio::process::Child,
    /// The agent's byte stream, until somebody takes it.
    pub channel: Option<UnixStream>,
    /// The engine's monitor, where it has one.
    pub monitor: Option<Monitor>,
    /// End of the guest's console.
    pub console: Tail,
    /// End of the engine's own stderr.
    pub stderr: Tail,
}

/// How a machine's process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended(pub ExitStatus);

impl Ended {
    /// Whether somebody, or a kernel without memory, killed the process.
    #[must_use]
    pub fn is_killed(self) -> bool {
        use std::os::unix::process::ExitStatusExt;
        matches!(self.0.signal(), Some(libc::SIGKILL | libc::SIGTERM | libc::SIGINT | libc::SIGHUP))
    }
}

impl std::fmt::Display for Ended {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        use std::os::unix::process::ExitStatusExt;
        match (self.0.code(), self.0.signal()) {
            (Some(code), _) => write!(out, "exited with {code}"),
            (None, Some(signal)) => write!(out, "was killed by signal {signal}"),
            (None, None) => out.write_str("ended"),
        }
    }
}

impl Machine {
    /// Its process, while it is not reaped.
    #[must_use]
    pub fn process(&self) -> Option<ProcessId> {
        self.child.id().and_then(|pid| i32::try_from(pid).ok()).and_then(ProcessId::of)
    }

    /// The engine's monitor.
    ///
    /// # Errors
    /// [`MonitorError::Closed`] where there is none.
    pub fn monitor(&self) -> Result<&Monitor, MonitorError> {
        self.monitor.as_ref().ok_or(MonitorError::Closed)
    }

    /// Wait until the process ends by itself.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub async fn ended(&mut self) -> std::io::Result<Ended> {
        self.child.wait().await.map(Ended)
    }

    /// Whether somebody, or a kernel without memory, killed the process; known once it was seen to
    /// end. A signal of its own making, such as that of a failed assertion, is none of these.
    #[must_use]
    pub fn was_killed(&mut self) -> bool {
        self.child.try_wait().ok().flatten().is_some_and(|status| Ended(status).is_killed())
    }

    /// Ask the process to end in order; an engine writes back what it holds of its disk.
    pub fn terminate(&self) {
        if let Some(process) = self.process() {
            process.terminate();
        }
    }

    /// End the process and reap it.
    ///
    /// # Errors
    /// When it cannot be killed or waited for.
    pub async fn kill(&mut self) -> std::io::Result<()> {
        self.child.kill().await
    }
}

/// The last bytes of a stream that nobody bounds.
#[derive(Clone, Debug, Default)]
pub struct Tail(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    end: VecDeque<u8>,
    /// Bytes that ever came.
    seen: u64,
}

impl Tail {
    /// Keep the end of `stream` until it closes.
    pub fn follow(stream: impl AsyncRead + Unpin + Send + 'static) -> Self {
        let tail = Self::default();
        let keeper = tail.clone();
        tokio::spawn(async move { keeper.keep(stream).await });
        tail
    }

    async fn keep(self, mut stream: impl AsyncRead + Unpin) {
        let mut chunk = vec![0; 4096];
        while let Ok(count @ 1..) = stream.read(&mut chunk).await {
            let mut kept = self.lock();
            kept.end.extend(&chunk[..count]);
            let surplus = kept.end.len().saturating_sub(TAIL_LEN);
            kept.end.drain(..surplus);
            kept.seen += count as u64;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// How many bytes have come so far.
    #[must_use]
    pub fn seen(&self) -> u64 {
        self.lock().seen
    }

    /// What is kept, as text that is safe to print: control characters but line ends are left out.
    #[must_use]
    pub fn text(&self) -> String {
        let bytes: Vec<u8> = self.lock().end.iter().copied().collect();
        printable(&bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_tail_is_bounded_and_printable() {
        let mut noise = vec![b'x'; 100_000];
        noise.extend(b"\x1b[31mend\xff\r\n");
        let tail = Tail::default();
        tail.clone().keep(noise.as_slice()).await;
        let text = tail.text();
        assert_eq!(tail.seen(), noise.len() as u64);
        assert!(
            text.len() <= TAIL_LEN && text.ends_with("[31mend\u{fffd}"),
            "{:?}",
            &text[text.len() - 20..]
        );
    }
}
