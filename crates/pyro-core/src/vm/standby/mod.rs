//! Standby: vms that have started and wait, so that a command in a new vm costs little more than itself.
//!
//! A process that serves many commands (the MCP server) keeps some vms of the default shape, each with the new disk of
//! an environment that was asked for lately, its identity taken and its processor's translations warm. Each is used once.

mod keeper;
mod pool;
mod waiting;

use super::control::client::SupervisorClient;
use super::control::failure::Failure;
use super::error::VmError;
use super::shape::Shape;
use crate::config::Config;
use crate::environment::EnvironmentStore;
use crate::execution_mode::ExecutionMode;
use crate::guest::client;
use crate::host::clock;
use crate::id::Id;
use pool::{InUse, Pool};
use pyro_protocol::message::{Request, SetClock};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio_util::sync::DropGuard;

/// Most vms that may stand by.
pub const MAX_COUNT: usize = 16;

/// How long a guest that stood by may take to answer before another vm is taken; it takes 2 ms on an idle host.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// Vms that stand by for this process; a clone is the same vms. They end, later, with the last clone.
#[derive(Clone, Debug)]
pub struct Standby {
    pool: Arc<Pool>,
    _closing: Arc<DropGuard>,
}

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

/// A vm that stood by and is its claimant's now; it is gone soon after this value is.
#[derive(Debug)]
pub(super) struct Claimed {
    /// The vm.
    pub(super) id: Id,
    /// Version of its environment.
    pub(super) environment_version: Option<String>,
    /// `guest_kvm` or `guest_tcg`.
    pub(super) execution_mode: ExecutionMode,
    release: oneshot::Sender<()>,
    ended: oneshot::Receiver<Ended>,
}

/// How a used vm ended.
type Ended = Result<Option<Failure>, VmError>;

/// What a claimant leaves with a vm.
#[derive(Debug)]
struct Claim {
    /// Closes when the claimant is done with it.
    released: oneshot::Receiver<()>,
    /// Where it hears of the end.
    ended: oneshot::Sender<Ended>,
    /// Counts the vm until nothing is left of it.
    in_use: InUse,
}

impl Claimed {
    /// Give its guest the time: it may have waited for days, through a sleep of the host. Shows that it answers.
    ///
    /// # Errors
    /// When it does not: no command has begun in it.
    pub(super) async fn wake(&self, config: &Config) -> Result<(), VmError> {
        let call = async {
            let stream = SupervisorClient::new(config, self.id).connect().await?;
            let request = Request::SetClock(SetClock { wall_clock_ns: clock::wall_ns() });
            client::call(stream, &request).await.map_err(VmError::Guest)
        };
        tokio::time::timeout(ANSWER_LIMIT, call).await.unwrap_or(Err(VmError::Stuck))
    }

    /// Give it up and wait until nothing is left of it; why it had ended before, if it had.
    ///
    /// # Errors
    /// When its supervisor died: its leftovers are cleared away by now.
    pub(super) async fn end(self) -> Ended {
        let Self { release, ended, .. } = self;
        drop(release);
        ended.await.unwrap_or(Ok(None))
    }

    /// Give it up; [`Standby::close`] waits until nothing is left of it.
    pub(super) fn give_up(self) {}
}

impl Standby {
    /// Keep `count` vms, at most [`MAX_COUNT`], for `environment` to begin with, where it is installed. Must be called on
    /// a runtime; nothing waits.
    #[must_use]
    pub fn keep(config: &Config, count: usize, environment: &str) -> Self {
        let pool = Pool::new(config.clone(), count.min(MAX_COUNT), environment);
        // The keeper counts among what is awaited: it starts vms until it sees that this is closed.
        pool.tasks.spawn(keeper::keep(Arc::clone(&pool)));
        Self { _closing: Arc::new(pool.closing.clone().drop_guard()), pool }
    }

    /// One that fits, if any waits.
    pub(super) fn claim(&self, environment: &str, shape: Shape) -> Option<Claimed> {
        if !is_usual(shape) {
            return None;
        }
        // Those that stand on what was installed before are no machines of this environment any more.
        let image = EnvironmentStore::new(&self.pool.config).image_digest(environment);
        self.pool.claim(environment, image.as_deref())
    }

    /// An installed environment was asked for, and none of it waited: those that are started from now on may be of it.
    pub(super) fn want(&self, environment: &str, shape: Shape) {
        if is_usual(shape) {
            self.pool.want(environment);
        }
    }

    /// How many there are.
    #[must_use]
    pub fn counts(&self) -> StandbyCounts {
        self.pool.counts()
    }

    /// End them all, and wait until nothing is left of them and of those that were claimed, whose claimants end them;
    /// none is started any more.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// A vm that stands by has no end of its own: whatever lifetime is asked for begins with the claim.
fn is_usual(shape: Shape) -> bool {
    Shape { ttl_seconds: Shape::default().ttl_seconds, ..shape } == Shape::default()
}
