//! What tools do in a workspace.

use crate::grants::Runs;
use crate::refusal::Refusal;
use crate::state::State;
use crate::turn::{self, Turn};
use pyro_core::{Id, Pyro, PyroError, VmState};
use rmcp::RoleServer;
use rmcp::service::RequestContext;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Start a workspace whose lifetime was over, where the profile has no tool for it: its files are
/// there.
pub(crate) async fn wake(state: &State, id: Id, turn: &Turn) -> Result<(), Refusal> {
    if state.wakes && state.pyro.status_workspace(id).await?.state == VmState::Stopped {
        state.grants.running(&state.pyro, Runs::Workspace(id)).await?;
        turn.reporter.say("starting the workspace");
        state.pyro.start_workspace(id, &turn.cancel).await?;
    }
    Ok(())
}

/// Do something with the files of a workspace.
pub(crate) async fn work<T, F>(
    state: &Arc<State>,
    context: &RequestContext<RoleServer>,
    id: Id,
    words: &'static str,
    act: impl FnOnce(Pyro, CancellationToken) -> F + Send + 'static,
) -> Result<T, Refusal>
where
    T: Send + 'static,
    F: Future<Output = Result<T, PyroError>> + Send,
{
    let shared = Arc::clone(state);
    let worked = turn::take(state, context, move |turn| async move {
        wake(&shared, id, &turn).await?;
        turn.reporter.say(words);
        act(shared.pyro.clone(), turn.cancel.clone()).await.map_err(Refusal::from)
    });
    worked.await
}

/// Do something with a workspace that need not run, and is not started for it.
pub(crate) async fn at_rest<T, F>(
    state: &Arc<State>,
    context: &RequestContext<RoleServer>,
    words: &'static str,
    act: impl FnOnce(Pyro, CancellationToken) -> F + Send + 'static,
) -> Result<T, Refusal>
where
    T: Send + 'static,
    F: Future<Output = Result<T, PyroError>> + Send,
{
    let pyro = state.pyro.clone();
    let done = turn::take(state, context, move |turn| async move {
        turn.reporter.say(words);
        act(pyro, turn.cancel.clone()).await
    });
    done.await
}

/// Do what leaves nothing behind when it is dropped.
pub(crate) async fn until<T>(
    cancel: &CancellationToken,
    work: impl Future<Output = Result<T, PyroError>>,
) -> Result<T, PyroError> {
    tokio::select! {
        done = work => done,
        () = cancel.cancelled() => Err(PyroError::cancelled()),
    }
}
