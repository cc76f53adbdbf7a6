//! Standby: vms that have started and wait, so that a command in a new vm costs little more than
//! itself.
//!
//! A process that serves many commands (the MCP server) keeps some vms of the default shape, each
//! with the new disk of an environment that was asked for lately, its identity taken and its
//! processor's translations warm. Each is used once.

mod claimed;
mod in_use;
mod keeper;
mod life;
mod pool;
mod waiting;

pub(super) use claimed::Claimed;
pub use pool::StandbyCounts;

use super::shape::Shape;
use crate::config::Config;
use crate::environment::EnvironmentStore;
use pool::Pool;
use std::sync::Arc;
use tokio_util::sync::DropGuard;

/// Most vms that may stand by.
pub const MAX_COUNT: usize = 16;

/// Vms that stand by for this process; a clone is the same vms. They end, later, with the last
/// clone.
#[derive(Clone, Debug)]
pub struct Standby {
    pool: Arc<Pool>,
    _closing: Arc<DropGuard>,
}

impl Standby {
    /// Keep `count` vms, at most [`MAX_COUNT`], for `environment` to begin with, where it is
    /// installed. Must be called on a runtime; nothing waits.
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
        // Those that stand on what was installed before are no machines of this environment any
        // more.
        let image = EnvironmentStore::new(&self.pool.config).image_digest(environment);
        self.pool.claim(environment, image.as_deref())
    }

    /// An installed environment was asked for, and none of it waited: those that are started from
    /// now on may be of it.
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

    /// End them all, and wait until nothing is left of them and of those that were claimed, whose
    /// claimants end them; none is started any more.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// A vm that stands by has no end of its own: whatever lifetime is asked for begins with the claim.
fn is_usual(shape: Shape) -> bool {
    Shape { ttl_seconds: Shape::default().ttl_seconds, ..shape } == Shape::default()
}
