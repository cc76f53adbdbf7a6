//! A call's turn: it waits for a place, tells its progress, and ends when it is cancelled.

use crate::ending::Ending;
use crate::progress::{self, Reporter};
use crate::refusal::Refusal;
use crate::state::State;
use pyro_core::{Caller, ErrorKind, Pyro, PyroError};
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

impl Turn {
    /// Itself, for an operation that may have to install `environment`.
    pub(crate) fn caller(&self, environment: &str) -> Caller {
        let (reporter, environment) = (self.reporter.clone(), environment.to_owned());
        Caller::with_cancel(&self.cancel).told(move |step| reporter.tell(&environment, step))
    }
}

/// Do `work` when there is a place for it, and wait until nothing of it is left, whatever happens.
pub(crate) async fn take<T, E, F>(
    state: &Arc<State>,
    context: &RequestContext<RoleServer>,
    work: impl FnOnce(Turn) -> F + Send + 'static,
) -> Result<T, Refusal>
where
    T: Send + 'static,
    E: Into<Refusal> + Send + 'static,
    F: Future<Output = Result<T, E>> + Send,
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
        let task = ending.work.spawn(async move {
            let _place = place;
            work(turn).await
        });
        ended_task(task.await)
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

/// Most calls beside those that have their turn: each has a thread and the records open, and a
/// client may send thousands.
pub(crate) const ASIDE: usize = 64;

/// Do what is short, or must come to its end once begun, beside the calls that have their turn.
pub(crate) async fn aside<T, F>(
    state: &Arc<State>,
    work: impl FnOnce(Pyro) -> F + Send + 'static,
) -> Result<T, Refusal>
where
    T: Send + 'static,
    F: Future<Output = Result<T, PyroError>> + Send,
{
    let pyro = state.pyro.clone();
    ended_task(beside(&state.asides, &state.ending, || work(pyro)).await?)
}

async fn beside<T, F>(
    asides: &Arc<Semaphore>,
    ending: &Ending,
    work: impl FnOnce() -> F + Send + 'static,
) -> Result<Result<T, JoinError>, Refusal>
where
    T: Send + 'static,
    F: Future<Output = T> + Send,
{
    let place = tokio::select! {
        biased;
        place = Arc::clone(asides).acquire_owned() => place.map_err(|_| ended())?,
        () = ending.begun() => return Err(ended()),
    };
    let task = ending.work.spawn(async move {
        let _place = place;
        work().await
    });
    Ok(task.await)
}

fn ended_task<T, E: Into<Refusal>>(ended: Result<Result<T, E>, JoinError>) -> Result<T, Refusal> {
    match ended {
        Ok(worked) => worked.map_err(E::into),
        Err(error) => Err(Refusal::new(ErrorKind::Internal, format!("the call failed: {error}"))),
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
    use tokio::task::JoinSet;

    #[tokio::test]
    async fn no_more_calls_work_beside_others_than_have_a_place() {
        let (asides, ending) = (Arc::new(Semaphore::new(2)), Ending::default());
        let (working, mut calls) = (Arc::new(AtomicUsize::new(0)), JoinSet::new());
        for _ in 0..10 {
            let (asides, ending) = (Arc::clone(&asides), ending.clone());
            let working = Arc::clone(&working);
            calls.spawn(async move {
                let work = async move || {
                    let others = working.fetch_add(1, Ordering::Relaxed);
                    tokio::task::yield_now().await;
                    working.fetch_sub(1, Ordering::Relaxed);
                    others
                };
                beside(&asides, &ending, work).await.map(Result::unwrap).ok()
            });
        }
        let others = calls.join_all().await;
        assert_eq!(others.into_iter().max(), Some(Some(1)));
    }

    #[tokio::test]
    async fn a_call_that_waits_for_a_place_hears_of_the_end() {
        let (asides, ending) = (Arc::new(Semaphore::new(0)), Ending::default());
        ending.begin();
        assert!(beside(&asides, &ending, async || ()).await.is_err());
    }
}
