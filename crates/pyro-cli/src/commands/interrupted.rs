//! Signals that end a command: what it started is ended before it says so.

use super::terminal;
use crate::printer;
use futures::stream::{self, SelectAll, StreamExt};
use pyro_core::is_signal_ignored;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// How long a write may wait for its reader once a signal came.
const READER_LIMIT: Duration = Duration::from_millis(500);

/// Ctrl-C, SIGTERM and the end of the terminal: they end the guest, and this process once nothing
/// is left of it. What whoever started this process wants to be ignored (`nohup`, a shell's
/// background job) is.
#[derive(Default)]
pub(super) struct Interrupted {
    pub(super) token: CancellationToken,
    signal: Arc<AtomicI32>,
}

impl Interrupted {
    /// Listen from now on, on a thread of its own: the one that works may be waiting for whoever
    /// reads what it prints.
    pub(super) fn watch(&self) {
        let (token, met) = (self.token.clone(), self.signal.clone());
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
            return;
        };
        let mut signals = SelectAll::new();
        {
            let _entered = runtime.enter();
            for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
                let number = kind.as_raw_value();
                if is_signal_ignored(number) {
                    continue;
                }
                let Ok(mut heard) = signal(kind) else { return };
                signals.push(stream::poll_fn(move |context| {
                    heard.poll_recv(context).map(|met| met.map(|()| number))
                }));
            }
        }
        let listen = async move {
            let Some(number) = signals.next().await else { return };
            met.store(number, Ordering::Relaxed);
            token.cancel();
            end_with_a_blocked_write(128 + number).await;
        };
        if let Err(error) = std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || runtime.block_on(listen))
        {
            tracing::warn!(%error, "only SIGKILL ends this command early");
        }
    }

    /// What a shell says of a process that this signal ended.
    pub(super) fn status(&self) -> Option<i32> {
        match self.signal.load(Ordering::Relaxed) {
            0 => None,
            signal => Some(128 + signal),
        }
    }
}

/// End this process when it waits for somebody to read what it prints; whatever it started ends
/// with it.
async fn end_with_a_blocked_write(status: i32) {
    let mut before = None;
    loop {
        let now = printer::write_under_way();
        if now.is_some() && now == before {
            terminal::restore();
            std::process::exit(status);
        }
        before = now;
        tokio::time::sleep(READER_LIMIT).await;
    }
}
