//! The reaper: waits for every child, and tells whoever asked how one ended.

use pyro_protocol::message::ExitStatus;
use rustix::process::{WaitOptions, WaitStatus, wait};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// How a child ended, and when (microseconds of the monotonic clock).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    /// Its status.
    pub(crate) status: ExitStatus,
    /// When it was reaped.
    pub(crate) at_us: u64,
}

/// Waits for one child to end.
#[derive(Clone)]
pub(crate) struct Exit(watch::Receiver<Option<Ended>>);

impl Exit {
    /// How it ended; at once when that is known already.
    pub(crate) async fn wait(&self) -> Ended {
        let mut receiver = self.0.clone();
        let lost =
            Ended { status: ExitStatus::Signal(libc::SIGKILL), at_us: crate::sys::monotonic_us() };
        match receiver.wait_for(Option::is_some).await {
            Ok(ended) => ended.unwrap_or(lost),
            // The reaper lives as long as the agent.
            Err(_) => lost,
        }
    }
}

/// Waits for every child of the agent, orphans that it inherited included.
#[derive(Default)]
pub(crate) struct Reaper {
    watched: RefCell<BTreeMap<i32, watch::Sender<Option<Ended>>>>,
}

impl Reaper {
    /// A reaper, and the signals that wake it; from now on no child's end is missed.
    pub(crate) fn new() -> io::Result<(Rc<Self>, Signal)> {
        Ok((Rc::new(Self::default()), signal(SignalKind::child())?))
    }

    /// Be told how the child `pid` ends; to be called in the same breath as its start, before the
    /// reaper's task runs.
    pub(crate) fn watch(&self, pid: i32) -> Exit {
        let (sender, receiver) = watch::channel(None);
        self.watched.borrow_mut().insert(pid, sender);
        Exit(receiver)
    }

    /// Be told too about a child that is watched already; at once when it has ended.
    pub(crate) fn watch_again(&self, pid: i32) -> Exit {
        match self.watched.borrow().get(&pid) {
            Some(sender) => Exit(sender.subscribe()),
            None => Exit(watch::channel(None).1),
        }
    }

    /// Reap for ever.
    pub(crate) async fn run(self: Rc<Self>, mut signals: Signal) {
        loop {
            self.reap();
            if signals.recv().await.is_none() {
                return;
            }
        }
    }

    fn reap(&self) {
        while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
            let ended = Ended { status: exit_status(status), at_us: crate::sys::monotonic_us() };
            if let Some(sender) = self.watched.borrow_mut().remove(&pid.as_raw_nonzero().get()) {
                sender.send_replace(Some(ended));
            }
        }
    }
}

fn exit_status(status: WaitStatus) -> ExitStatus {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => ExitStatus::Code(code),
        (None, Some(signal)) => ExitStatus::Signal(signal),
        // Only the two above are ever asked for.
        (None, None) => ExitStatus::Code(255),
    }
}
