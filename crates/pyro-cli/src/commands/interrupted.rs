//! Signals that end a command: what it started is ended before it says so.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Ctrl-C and SIGTERM: they end the guest, and this process once nothing is left of it.
#[derive(Default)]
pub(super) struct Interrupted {
    pub(super) token: CancellationToken,
    signal: std::sync::Arc<std::sync::atomic::AtomicI32>,
}

impl Interrupted {
    /// Listen from now on.
    pub(super) fn watch(&self) {
        for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
            let Ok(mut stream) = signal(kind) else { continue };
            let (token, met) = (self.token.clone(), self.signal.clone());
            tokio::spawn(async move {
                stream.recv().await;
                met.store(kind.as_raw_value(), std::sync::atomic::Ordering::Relaxed);
                token.cancel();
            });
        }
    }

    /// What a shell says of a process that this signal ended.
    pub(super) fn status(&self) -> Option<i32> {
        match self.signal.load(std::sync::atomic::Ordering::Relaxed) {
            0 => None,
            signal => Some(128 + signal),
        }
    }
}
