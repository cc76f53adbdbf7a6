//! The pool: which vms wait, which are wanted, and what is to be done next. It starts and ends
//! nothing itself.

use super::claimed::Claimed;
use super::in_use::InUse;
use super::waiting::Waiting;
use crate::config::Config;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How often the host's memory is looked at: nothing tells when it runs short.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// How long a claimed vm's command has the processors for itself before the next one is started.
const HEAD_START: Duration = Duration::from_millis(250);

/// How long a start that failed is not tried again.
const AFTER_FAILURE: Duration = Duration::from_secs(30);

/// How long one that died is not replaced: what killed it may be about to kill the next one.
const AFTER_DEATH: Duration = Duration::from_secs(5);

/// Least memory that programs can still have for vms to stand by, in MiB.
const LEAST_MEMORY_MIB: u64 = 1024;

/// What must be left beyond that for one more to be started, in MiB. One takes some 110: none is
/// started that would soon have to go.
const ONE_MORE_MIB: u64 = 256;

/// How many vms stand by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct StandbyCounts {
    /// As many as are to be kept.
    pub wanted: usize,
    /// Those that can be used at once.
    pub ready: usize,
    /// Those that were claimed and are not gone yet.
    pub in_use: usize,
}

/// All vms that one process keeps.
#[derive(Debug)]
pub(super) struct Pool {
    pub(super) config: Config,
    pub(super) closing: CancellationToken,
    /// The keeper and the life of each vm.
    pub(super) tasks: TaskTracker,
    pub(super) changed: Notify,
    count: usize,
    in_use: Arc<AtomicUsize>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// What was asked for, newest last; as many as are kept, so that each keeps its share.
    asked: VecDeque<String>,
    /// The longest waiting one is first; one that died is there until it is looked for.
    waiting: VecDeque<Waiting>,
    /// One at a time.
    starting: bool,
    /// Before this nothing is started.
    not_before: Instant,
}

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Start one of this environment.
    Start(String),
    /// Look again when something changed, or after this.
    Look(Duration),
}

impl Pool {
    pub(super) fn new(config: Config, count: usize, environment: &str) -> Arc<Self> {
        let state = State {
            asked: std::iter::repeat_n(environment.to_owned(), count).collect(),
            waiting: VecDeque::new(),
            starting: false,
            not_before: Instant::now(),
        };
        Arc::new(Self {
            config,
            closing: CancellationToken::new(),
            tasks: TaskTracker::new(),
            changed: Notify::new(),
            count,
            in_use: Arc::default(),
            state: Mutex::new(state),
        })
    }

    /// Nobody panics while holding it, and if so its numbers are still good.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn counts(&self) -> StandbyCounts {
        let ready = self.state().waiting.iter().filter(|vm| !vm.is_over()).count();
        StandbyCounts { wanted: self.count, ready, in_use: self.in_use.load(Ordering::Relaxed) }
    }

    /// The longest waiting one of `environment` whose disk stands on `image`.
    pub(super) fn claim(&self, environment: &str, image: Option<&str>) -> Option<Claimed> {
        let mut state = self.state();
        state.waiting.retain(|vm| {
            vm.environment != environment || vm.backing.image().map(AsRef::as_ref) == image
        });
        let mut claimed = None;
        while claimed.is_none()
            && let Some(at) = state.waiting.iter().position(|vm| vm.environment == environment)
        {
            claimed = state.waiting.remove(at).and_then(|vm| vm.claim(InUse::new(&self.in_use)));
        }
        if claimed.is_some() {
            state.ask(environment);
            state.pause(HEAD_START);
        }
        drop(state);
        self.changed.notify_one();
        claimed
    }

    pub(super) fn want(&self, environment: &str) {
        let mut state = self.state();
        state.ask(environment);
        // It has just been installed, perhaps, which is what an earlier start failed of.
        state.not_before = state.not_before.min(Instant::now() + HEAD_START);
        drop(state);
        self.changed.notify_one();
    }

    /// One that waited died.
    pub(super) fn died(&self) {
        self.state().pause(AFTER_DEATH);
        self.changed.notify_one();
    }

    pub(super) async fn close(&self) {
        self.closing.cancel();
        self.let_go();
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Let go of all that wait.
    pub(super) fn let_go(&self) {
        self.state().waiting.clear();
    }

    /// Let go of what is not wanted, and say what is to be done; `available_mib` is memory that
    /// programs can still have.
    pub(super) fn next(&self, available_mib: Option<u64>, now: Instant) -> Next {
        let mut state = self.state();
        state.waiting.retain(|vm| !vm.is_over());
        if available_mib.is_some_and(|mib| mib < LEAST_MEMORY_MIB) {
            if !state.waiting.is_empty() {
                tracing::warn!("memory is short: no vm stands by");
            }
            state.waiting.clear();
            return Next::Look(LOOK_AGAIN);
        }
        state.let_go_of_surplus();
        let Some(environment) = state.missing().filter(|_| !state.starting) else {
            return Next::Look(LOOK_AGAIN);
        };
        let early = state.not_before.saturating_duration_since(now);
        if !early.is_zero() {
            return Next::Look(early.min(LOOK_AGAIN));
        }
        if available_mib.is_some_and(|mib| mib < LEAST_MEMORY_MIB + ONE_MORE_MIB) {
            return Next::Look(LOOK_AGAIN);
        }
        state.starting = true;
        Next::Start(environment)
    }
}

impl State {
    fn ask(&mut self, environment: &str) {
        if self.asked.pop_front().is_some() {
            self.asked.push_back(environment.to_owned());
        }
    }

    fn pause(&mut self, pause: Duration) {
        self.not_before = self.not_before.max(Instant::now() + pause);
    }

    fn share(&self, environment: &str) -> usize {
        self.asked.iter().filter(|asked| *asked == environment).count()
    }

    fn let_go_of_surplus(&mut self) {
        let mut kept = VecDeque::with_capacity(self.waiting.len());
        for vm in std::mem::take(&mut self.waiting) {
            let before =
                kept.iter().filter(|other: &&Waiting| other.environment == vm.environment).count();
            if before < self.share(&vm.environment) {
                kept.push_back(vm);
            }
        }
        self.waiting = kept;
    }

    /// The newest environment that has less than its share.
    fn missing(&self) -> Option<String> {
        let waiting = |environment: &str| {
            self.waiting.iter().filter(|vm| vm.environment == environment).count()
        };
        self.asked.iter().rev().find(|asked| waiting(asked) < self.share(asked)).cloned()
    }
}

/// A vm's start, counted however its task ends; dropped, it has failed.
#[derive(Debug)]
pub(super) struct Starting {
    pool: Arc<Pool>,
    is_over: bool,
}

impl Starting {
    /// After [`Next::Start`].
    pub(super) fn of(pool: &Arc<Pool>) -> Self {
        Self { pool: Arc::clone(pool), is_over: false }
    }

    /// It started, and waits from now on: no one sees it missing in between.
    pub(super) fn into_waiting(mut self, vm: Waiting) {
        self.is_over = true;
        let mut state = self.pool.state();
        state.starting = false;
        // Closed meanwhile, it is dropped, and ends.
        if !self.pool.closing.is_cancelled() {
            state.waiting.push_back(vm);
        }
        drop(state);
        self.pool.changed.notify_one();
    }
}

impl Drop for Starting {
    fn drop(&mut self) {
        if !self.is_over {
            let mut state = self.pool.state();
            state.starting = false;
            state.pause(AFTER_FAILURE);
            drop(state);
            self.pool.changed.notify_one();
        }
    }
}

#[cfg(test)]
mod tests;
