//! Async work that may block: it runs on a thread of its own, with a runtime of its own.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use tokio::sync::oneshot;

/// Why work on a thread of its own has no result.
#[derive(Debug, thiserror::Error)]
pub enum ThreadError {
    /// The thread or its runtime could not be made.
    #[error("cannot start a thread")]
    Start(#[source] io::Error),
    /// The work panicked.
    #[error("internal error: {0}")]
    Panicked(String),
}

impl ThreadError {
    /// From what a thread panicked with.
    #[must_use]
    pub fn panicked(panic: &(dyn Any + Send)) -> Self {
        let text = panic.downcast_ref::<&str>().copied();
        let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        Self::Panicked(text.unwrap_or("a thread panicked").to_owned())
    }
}

/// Run `work` and wait for its result. It comes to its end whether or not somebody waits.
///
/// # Errors
/// [`ThreadError`].
pub async fn run<T: Send + 'static>(
    work: impl AsyncFnOnce() -> T + Send + 'static,
) -> Result<T, ThreadError> {
    // The thread sends a result whatever happens; only a process that exits kills it before.
    let gone = |_| Err(ThreadError::Panicked("a thread ended early".to_owned()));
    start(work)?.await.unwrap_or_else(gone)
}

/// Run `work` in the background; its result can be waited for.
///
/// # Errors
/// [`ThreadError::Start`].
pub fn start<T: Send + 'static>(
    work: impl AsyncFnOnce() -> T + Send + 'static,
) -> Result<oneshot::Receiver<Result<T, ThreadError>>, ThreadError> {
    let (tell, result) = oneshot::channel();
    let work = move || {
        // Whoever does not wait needs no answer.
        let _ = tell.send(on_this_thread(work));
    };
    // No thread of a pool: work that waits for other threads of the same pool would wait forever
    // once it has taken all of them.
    thread::Builder::new().name("operation".to_owned()).spawn(work).map_err(ThreadError::Start)?;
    Ok(result)
}

fn on_this_thread<T>(work: impl AsyncFnOnce() -> T) -> Result<T, ThreadError> {
    // On the caller's runtime each read of a socket would wait for another thread to see that it
    // is ready: that costs a quarter of the throughput of a command's output.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(ThreadError::Start)?;
    let result = catch_unwind(AssertUnwindSafe(|| runtime.block_on(async { work().await })));
    // One of its threads may be reading stdin, and nobody waits for that.
    runtime.shutdown_background();
    result.map_err(|panic| ThreadError::panicked(&*panic))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::{Duration, Instant};
    use tokio::task::{JoinSet, spawn_blocking};

    #[tokio::test]
    async fn a_panic_is_an_error() {
        let failed = run(async || panic!("no such {}", "thing")).await.map(|(): ()| ());
        assert_eq!(failed.unwrap_err().to_string(), "internal error: no such thing");
        assert_eq!(run(async || 7).await.unwrap(), 7);
    }

    #[tokio::test]
    async fn the_caller_s_thread_stays_responsive() {
        let blocked = async || {
            let began = Instant::now();
            while began.elapsed() < Duration::from_millis(300) {
                std::hint::black_box(began);
            }
        };
        let work = run(blocked);
        tokio::pin!(work);
        let (mut tick, mut ticks) = (tokio::time::interval(Duration::from_millis(5)), 0);
        loop {
            tokio::select! {
                done = &mut work => break done.unwrap(),
                _ = tick.tick() => ticks += 1,
            }
        }
        assert!(ticks > 10, "{ticks}");
    }

    #[test]
    fn work_that_waits_for_threads_of_a_pool_leaves_some() {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().max_blocking_threads(1).build().unwrap();
        let all = async {
            let (go, gone) = tokio::sync::watch::channel(false);
            let pool = tokio::runtime::Handle::current();
            let (mut works, begun) = (JoinSet::new(), Arc::new(AtomicUsize::new(0)));
            for _ in 0..64 {
                let (pool, mut gone, begun) = (pool.clone(), gone.clone(), Arc::clone(&begun));
                works.spawn(run(async move || {
                    begun.fetch_add(1, Ordering::Relaxed);
                    gone.wait_for(|gone| *gone).await.unwrap();
                    pool.spawn_blocking(|| ()).await.unwrap();
                    spawn_blocking(|| ()).await.unwrap();
                }));
            }
            // Each waits at its thread.
            while begun.load(Ordering::Relaxed) < 64 {
                tokio::task::yield_now().await;
            }
            go.send_replace(true);
            works.join_all().await
        };
        let all = async { tokio::time::timeout(Duration::from_secs(20), all).await };
        let ended = runtime.block_on(all);
        runtime.shutdown_background();
        assert!(ended.expect("they end").into_iter().all(|work| work.is_ok()));
    }
}
