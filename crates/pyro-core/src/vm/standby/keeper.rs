//! The keeper: starts what is missing, one at a time, until the pool is closed.

use super::life::stand;
use super::pool::{Next, Pool, Starting};
use crate::host::facts;
use std::sync::Arc;
use std::time::Instant;

/// Keep the pool full until it is closed.
pub(super) async fn keep(pool: Arc<Pool>) {
    while !pool.closing.is_cancelled() {
        match pool.next(facts::available_memory_mib(), Instant::now()) {
            Next::Start(environment) => {
                let starting = Starting::of(&pool);
                drop(pool.tasks.spawn(life(Arc::clone(&pool), environment, starting)));
            }
            Next::Look(when) => tokio::select! {
                () = pool.closing.cancelled() => {}
                () = pool.changed.notified() => {}
                () = tokio::time::sleep(when) => {}
            },
        }
    }
    // Nobody else does it where the last user of the pool is gone.
    pool.let_go();
}

/// One vm, from its start to its end.
async fn life(pool: Arc<Pool>, environment: String, starting: Starting) {
    if let Err(error) = stand(&pool, &environment, starting).await {
        tracing::warn!(error = &error as &dyn std::error::Error, "no vm can stand by");
    }
}
