//! A call's turn: it waits for a place, works on a thread of its own, tells its progress, and ends when it is cancelled.

use crate::progress::{self, Reporter};
use crate::refusal::Refusal;
use crate::server::State;
use pyro_core::{ErrorKind, Pyro, PyroError};
use rmcp::RoleServer;
use rmcp::service::RequestContext;
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;
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
/// Core takes its locks, looks at files and waits for dying processes where it is called. On a thread of its own, it
/// keeps no other call, and no ping, waiting.
pub(crate) async fn take<T, F>(
    state: &Arc<State>,
    context: &RequestContext<RoleServer>,
    work: impl FnOnce(Turn) -> F + Send + 'static,
) -> Result<T, Refusal>
where
    T: Send + 'static,
    F: Future<Output = Result<T, PyroError>>,
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

/// Do what is short, or must come to its end once begun, beside the calls that have their turn.
pub(crate) async fn aside<T, F>(state: &Arc<State>, work: impl FnOnce(Pyro) -> F + Send + 'static) -> Result<T, Refusal>
where
    T: Send + 'static,
    F: Future<Output = Result<T, PyroError>>,
{
    let (runtime, pyro) = (tokio::runtime::Handle::current(), state.pyro.clone());
    let thread = state.ending.work.spawn_blocking(move || runtime.block_on(work(pyro)));
    ended_thread(thread.await)
}

fn ended_thread<T>(ended: Result<Result<T, PyroError>, JoinError>) -> Result<T, Refusal> {
    match ended {
        Ok(worked) => worked.map_err(Refusal::from),
        Err(error) => Err(Refusal::new(ErrorKind::Internal, format!("the call's thread failed: {error}"))),
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
