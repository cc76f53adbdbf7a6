//! What the tools of workspaces and those of tasks, their oldest name, do alike.

use super::line::Line;
use super::parameters;
use crate::grants::Runs;
use crate::progress::Watch;
use crate::refusal::Refusal;
use crate::roots;
use crate::state::State;
use crate::turn::{self, Turn};
use pyro_core::id::Id;
use pyro_core::store::vm::VmState;
use pyro_core::vm::VmError;
use pyro_core::vm::output::{Inline, OutputTo};
use pyro_core::workspace::create::CreateRequest;
use pyro_core::workspace::exec::{WorkspaceExec, options};
use pyro_core::workspace::files::push::{PushRequest, WorkspaceSync};
use pyro_core::workspace::files::seed::SeedRequest;
use pyro_core::workspace::info::WorkspaceInfo;
use pyro_core::workspace::logs::WorkspaceLogs;
use pyro_core::{Pyro, PyroError};
use rmcp::RoleServer;
use rmcp::service::RequestContext;
use std::sync::Arc;
use tokio::io::AsyncRead;
use tokio_util::sync::CancellationToken;

/// Start a workspace whose lifetime was over, where the profile has no tool for it: its files are there.
pub(crate) async fn wake(state: &State, id: Id, turn: &Turn) -> Result<(), Refusal> {
    if state.wakes && state.pyro.status_workspace(id).await?.state == VmState::Stopped {
        state.grants.running(&state.pyro, Runs::Workspace(id)).await?;
        turn.reporter.say("starting the workspace");
        state.pyro.start_workspace(id, &turn.cancel).await?;
    }
    Ok(())
}

/// What a workspace is first filled with, from where the server may read.
pub(super) async fn seed(
    state: &State,
    context: &RequestContext<RoleServer>,
    path: Option<&str>,
    respect_ignore: bool,
) -> Result<Option<SeedRequest>, Refusal> {
    match path {
        Some(path) => Ok(Some(SeedRequest { path: roots::path(state, context, path).await?, respect_ignore })),
        None => Ok(None),
    }
}

/// Create a workspace.
pub(super) async fn create(
    state: &Arc<State>,
    context: &RequestContext<RoleServer>,
    request: CreateRequest,
) -> Result<WorkspaceInfo, Refusal> {
    let pyro = state.pyro.clone();
    let created = turn::take(state, context, move |turn| async move {
        turn.reporter.say("creating the workspace");
        let mut told = |progress| turn.reporter.tell(&request.environment, progress);
        pyro.create_workspace(&request, &mut told, &turn.cancel).await
    });
    created.await
}

/// Run a command in a workspace; a cancelled call ends the command and nothing else.
pub(super) async fn exec(
    state: &Arc<State>,
    context: &RequestContext<RoleServer>,
    id: Id,
    line: Line,
    stdin: Option<String>,
    inline: Inline,
) -> Result<WorkspaceExec, Refusal> {
    let line = line.request(options)?;
    let (shared, pyro) = (Arc::clone(state), state.pyro.clone().with_inline(inline));
    let executed = turn::take(state, context, move |turn| async move {
        shared.grants.running(&shared.pyro, Runs::Workspace(id)).await?;
        wake(&shared, id, &turn).await?;
        turn.reporter.say("running");
        let mut watch = Watch::new(&turn.reporter);
        let mut note = |stream, bytes: &[u8]| watch.note(stream, bytes);
        let mut stdin = stdin.as_deref().map(str::as_bytes);
        let stdin = stdin.as_mut().map(|stdin| stdin as &mut (dyn AsyncRead + Unpin + Send));
        let executed = pyro.exec_workspace(id, line, stdin, OutputTo::Watch(&mut note), &turn.cancel).await;
        executed.map_err(Refusal::from)
    });
    executed.await
}

/// What is to be brought in.
#[derive(Default)]
pub(super) struct Push {
    pub(super) source_path: String,
    pub(super) dest: String,
    pub(super) delete: bool,
    pub(super) respect_ignore: Option<bool>,
    pub(super) dry_run: bool,
}

/// Bring a host tree into a workspace.
pub(super) async fn push(
    state: &Arc<State>,
    context: &RequestContext<RoleServer>,
    id: Id,
    push: Push,
) -> Result<WorkspaceSync, Refusal> {
    let request = PushRequest {
        source: roots::path(state, context, &push.source_path).await?,
        dest: parameters::place(&push.dest)?,
        delete: push.delete,
        respect_ignore: push.respect_ignore,
        dry_run: push.dry_run,
    };
    let pushed = work(state, context, id, "pushing", move |pyro, cancel| async move {
        pyro.push_workspace_sync(id, request, &cancel).await
    });
    pushed.await
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
    F: Future<Output = Result<T, PyroError>>,
{
    let shared = Arc::clone(state);
    let worked = turn::take(state, context, move |turn| async move {
        wake(&shared, id, &turn).await?;
        turn.reporter.say(words);
        act(shared.pyro.clone(), turn.cancel.clone()).await.map_err(Refusal::from)
    });
    worked.await
}

/// Do what leaves nothing behind when it is dropped.
pub(crate) async fn until<T>(
    cancel: &CancellationToken,
    work: impl Future<Output = Result<T, PyroError>>,
) -> Result<T, PyroError> {
    tokio::select! {
        done = work => done,
        () = cancel.cancelled() => Err(VmError::Cancelled.into()),
    }
}

/// A page of a workspace's history.
pub(super) async fn logs(state: &Arc<State>, id: Id, after: u64, limit: u32) -> Result<WorkspaceLogs, Refusal> {
    turn::aside(state, move |pyro| async move { pyro.logs_workspace(id, after, limit.into()).await }).await
}
