//! `Service`: one that runs, as all who deal with it share it.

use super::secrets::ServiceSecrets;
use crate::host::bounded_log::LogWriter;
use crate::id::Id;
use crate::service_name::ServiceName;
use crate::store::service::StopReason;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// It runs, and is not ready.
    Starting,
    /// It runs.
    Ready,
    /// It has ended, and its record says so.
    Over,
}

/// What it prints, on the host.
pub(super) struct Logs {
    /// Of stdout and stderr.
    pub(super) directories: [PathBuf; 2],
    pub(super) writers: [LogWriter; 2],
}

/// One service that runs.
pub(super) struct Service {
    pub(super) name: ServiceName,
    pub(super) workspace: Id,
    /// The number of this start, by which the agent and the records know it.
    pub(super) run: i64,
    /// Where its logs are.
    pub(super) directories: [PathBuf; 2],
    /// What it was given of them, and what keeps all of them out of its logs.
    pub(super) secrets: Arc<ServiceSecrets>,
    writers: [Mutex<LogWriter>; 2],
    phase: watch::Sender<Phase>,
    /// Told whenever it has printed something, or has ended.
    printed: watch::Sender<()>,
    /// Why it is being ended.
    ending: Mutex<Option<StopReason>>,
}

impl Service {
    pub(super) fn new(
        name: ServiceName,
        workspace: Id,
        run: i64,
        logs: Logs,
        secrets: Arc<ServiceSecrets>,
    ) -> Self {
        Self {
            name,
            workspace,
            run,
            directories: logs.directories,
            secrets,
            writers: logs.writers.map(Mutex::new),
            phase: watch::Sender::new(Phase::Starting),
            printed: watch::Sender::new(()),
            ending: Mutex::default(),
        }
    }

    /// It has printed something that may be told. What the host has no room for is lost.
    pub(super) fn push(&self, is_stderr: bool, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let mut writer =
            self.writers[usize::from(is_stderr)].lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = writer.push(bytes) {
            tracing::warn!(name = %self.name, %error, "output of a service is lost");
        }
        drop(writer);
        self.printed.send_replace(());
    }

    /// Hear of what it prints, and of its end.
    pub(super) fn printed(&self) -> watch::Receiver<()> {
        self.printed.subscribe()
    }

    pub(super) fn enter(&self, phase: Phase) {
        self.phase.send_replace(phase);
        self.printed.send_replace(());
    }

    pub(super) fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// Wait until it is as far as that.
    pub(super) async fn until(&self, is_there: impl Fn(Phase) -> bool) {
        let mut phase = self.phase.subscribe();
        // The sender lives as long as this does.
        let _ = phase.wait_for(|phase| is_there(*phase)).await;
    }

    /// Say why it is being ended, unless that is said; killed outranks asked.
    pub(super) fn note_ending(&self, why: StopReason) {
        let mut ending = self.ending.lock().unwrap_or_else(PoisonError::into_inner);
        match (*ending, why) {
            (None, _) | (Some(StopReason::Sigterm), StopReason::Sigkill) => *ending = Some(why),
            _ => {}
        }
    }

    /// Why it is being ended, if somebody does that.
    pub(super) fn ending(&self) -> Option<StopReason> {
        *self.ending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
