//! A call's turn: it waits for a place, works on a thread of its own, tells its progress, and ends
//! when it is cancelled.

use crate::ending::Ending;
use crate::progress::{self, Reporter};
use crate::refusal::Refusal;
use crate::state::State;
use pyro_core::{ErrorKind, Pyro, PyroError};
use rmcp::RoleServer;
use rmcp::service::RequestContext;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;

/// What a piece of work has while it has its turn.
pub(crate) struct Turn {
    /// Where it tells what it is doing.
    pub(crate) reporter: Reporter,
    /// Says that nobody wants it any more: the client cancelled or vanished, or the server ends.
    pub(crate) cancel: CancellationToken,
}

/// Do `work` when there is a place for it, and wait until nothing of it is left, whatever happens.
///
/// Core takes its locks, looks at files and waits for dying processes where it is called. On a
/// thread of its own, it keeps no other call, and no ping, waiting.
pub(crate) async fn take<T, E, F>(
    state: &Arc<State>,
    context: &RequestContext<RoleServer>,
    work: impl FnOnce(Turn) -> F + Send + 'static,
) -> Result<T, Refusal>
where
    T: Send + 'static,
    E: Into<Refusal> + Send + 'static,
    F: Future<Output = Result<T, E>>,
{
    let (reporter, notifier) = progress::channel(context, "starting");
    // Not that of the request itself: rmcp ends that one with the answer.
    let cancel = context.ct.child_token();
    // A dropped call takes its vm along.
    let _guard = cancel.clone().drop_guard();
    let (ending, words) = (state.ending.clone(), reporter.clone());
    let worked = async {
        let place = place(state, &words, &cancel).await?;
        let turn = Turn { reporter: words, cancel: cancel.clone() };
        let runtime = tokio::runtime::Handle::current();
        let thread = ending.work.spawn_blocking(move || {
            let _place = place;
            runtime.block_on(work(turn))
        });
        ended_thread(thread.await)
    };
    let end = async {
        ending.begun().await;
        cancel.cancel();
        std::future::pending().await
    };
    tokio::select! {
        worked = worked => worked,
        () = notifier.run() => Err(ended()),
        () = end => Err(ended()),
    }
}

/// Most calls beside those that have their turn. Each takes a thread of the runtime's pool and
/// waits there for others of the same pool: where all were taken by such calls, none of them would
/// ever go on.
pub(crate) const ASIDE: usize = 64;

/// Do what is short, or must come to its end once begun, beside the calls that have their turn.
pub(crate) async fn aside<T, F>(
    state: &Arc<State>,
    work: impl FnOnce(Pyro) -> F + Send + 'static,
) -> Result<T, Refusal>
where
    T: Send + 'static,
    F: Future<Output = Result<T, PyroError>>,
{
    let pyro = state.pyro.clone();
    ended_thread(beside(&state.asides, &state.ending, || work(pyro)).await?)
}

async fn beside<T, F>(
    asides: &Arc<Semaphore>,
    ending: &Ending,
    work: impl FnOnce() -> F + Send + 'static,
) -> Result<Result<T, JoinError>, Refusal>
where
    T: Send + 'static,
    F: Future<Output = T>,
{
    let place = tokio::select! {
        biased;
        place = Arc::clone(asides).acquire_owned() => place.map_err(|_| ended())?,
        () = ending.begun() => return Err(ended()),
    };
    let runtime = tokio::runtime::Handle::current();
    let thread = ending.work.spawn_blocking(move || {
        let _place = place;
        runtime.block_on(work())
    });
    Ok(thread.await)
}

fn ended_thread<T, E: Into<Refusal>>(ended: Result<Result<T, E>, JoinError>) -> Result<T, Refusal> {
    match ended {
        Ok(worked) => worked.map_err(E::into),
        Err(error) => {
            Err(Refusal::new(ErrorKind::Internal, format!("the call's thread failed: {error}")))
        }
    }
}

/// A place among those that work at once; the wait for one is told.
async fn place(
    state: &Arc<State>,
    reporter: &Reporter,
    cancel: &CancellationToken,
) -> Result<OwnedSemaphorePermit, Refusal> {
    if state.ending.token.is_cancelled() {
        return Err(ended());
    }
    if let Ok(place) = Arc::clone(&state.places).try_acquire_owned() {
        return Ok(place);
    }
    reporter.say(format!("queued: {} calls are at work, as many as run at once", state.at_once));
    tokio::select! {
        place = Arc::clone(&state.places).acquire_owned() => place.map_err(|_| ended()),
        () = cancel.cancelled() => Err(ended()),
    }
}

fn ended() -> Refusal {
    Refusal::new(ErrorKind::Conflict, "cancelled")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;
    use tokio::task::{JoinSet, spawn_blocking};

    #[test]
    fn calls_that_wait_for_threads_leave_some() {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().max_blocking_threads(ASIDE + 1).build().unwrap();
        let all = async {
            let (asides, ending) = (Arc::new(Semaphore::new(ASIDE)), Ending::default());
            let (go, gone) = tokio::sync::watch::channel(false);
            let (mut calls, begun) = (JoinSet::new(), Arc::new(AtomicUsize::new(0)));
            for _ in 0..3 * ASIDE {
                let (asides, ending, mut gone) =
                    (Arc::clone(&asides), ending.clone(), gone.clone());
                let begun = Arc::clone(&begun);
                calls.spawn(async move {
                    begun.fetch_add(1, Ordering::Relaxed);
                    let work = async move || {
                        gone.wait_for(|gone| *gone).await.unwrap();
                        spawn_blocking(|| ()).await.unwrap();
                    };
                    beside(&asides, &ending, work).await.is_ok_and(|ended| ended.is_ok())
                });
            }
            // Each is at its thread, or waits for one.
            while begun.load(Ordering::Relaxed) < 3 * ASIDE {
                tokio::task::yield_now().await;
            }
            go.send_replace(true);
            calls.join_all().await
        };
        let ended =
            runtime.block_on(async { tokio::time::timeout(Duration::from_secs(20), all).await });
        runtime.shutdown_background();
        assert!(ended.expect("they end").into_iter().all(|well| well));
    }

    #[tokio::test]
    async fn a_call_that_waits_for_a_place_hears_of_the_end() {
        let (asides, ending) = (Arc::new(Semaphore::new(0)), Ending::default());
        ending.begin();
        assert!(beside(&asides, &ending, async || ()).await.is_err());
    }
}
