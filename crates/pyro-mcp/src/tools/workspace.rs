//! What the tools of workspaces and those of tasks, their oldest name, do alike.

use super::line::Line;
use super::parameters;
use crate::grants::Runs;
use crate::progress::Watch;
use crate::refusal::Refusal;
use crate::roots;
use crate::server::State;
use crate::turn::{self, Turn};
use pyro_core::id::Id;
use pyro_core::store::vm::VmState;
use pyro_core::vm::VmError;
use pyro_core::vm::output::OutputTo;
use pyro_core::workspace::create::CreateRequest;
use pyro_core::workspace::exec::{WorkspaceExec, options};
use pyro_core::workspace::files::push::{PushRequest, WorkspaceSync};
use pyro_core::workspace::files::seed::SeedRequest;
use pyro_core::workspace::info::WorkspaceInfo;
use pyro_core::workspace::logs::{LogEntry, WorkspaceLogs};
use pyro_core::{Pyro, PyroError};
use rmcp::RoleServer;
use rmcp::service::RequestContext;
use std::sync::Arc;
use tokio::io::AsyncRead;
use tokio_util::sync::CancellationToken;

/// Bytes of output that a page of a history holds: a model reads all of it.
const PAGE_LIMIT: usize = 256 * 1024;

/// Commands whose background output a model is shown, and the bytes of each.
const TAILS: usize = 5;
const TAIL_LIMIT: usize = 2048;

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
) -> Result<WorkspaceExec, Refusal> {
    let line = line.request(options)?;
    let shared = Arc::clone(state);
    let executed = turn::take(state, context, move |turn| async move {
        shared.grants.running(&shared.pyro, Runs::Workspace(id)).await?;
        wake(&shared, id, &turn).await?;
        turn.reporter.say("running");
        let mut watch = Watch::new(&turn.reporter);
        let mut note = |stream, bytes: &[u8]| watch.note(stream, bytes);
        let mut stdin = stdin.as_deref().map(str::as_bytes);
        let stdin = stdin.as_mut().map(|stdin| stdin as &mut (dyn AsyncRead + Unpin + Send));
        let executed = shared.pyro.exec_workspace(id, line, stdin, OutputTo::Watch(&mut note), &turn.cancel).await;
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

/// A page of a workspace's history, as long as a model may want to read.
pub(super) async fn logs(state: &Arc<State>, id: Id, after: u64, limit: u32) -> Result<WorkspaceLogs, Refusal> {
    let logs = turn::aside(state, move |pyro| async move { pyro.logs_workspace(id, after, limit.into()).await });
    Ok(cut(logs.await?))
}

/// What processes of the background have printed, the newest commands first in what fits.
pub(super) async fn background(state: &Arc<State>, id: Id) -> Result<WorkspaceLogs, Refusal> {
    let logs = turn::aside(state, move |pyro| async move { pyro.background_workspace(id, TAIL_LIMIT).await });
    let mut logs = logs.await?;
    if let Some(background) = &mut logs.background {
        let surplus = background.len().saturating_sub(TAILS);
        background.drain(..surplus);
        logs.count = background.len();
    }
    Ok(logs)
}

/// The page without the commands whose output would make it too long; one is always on it.
fn cut(mut logs: WorkspaceLogs) -> WorkspaceLogs {
    let length = |entry: &LogEntry| entry.command.len() + entry.said.stdout.len() + entry.said.stderr.len();
    let mut held = 0;
    let fitting = logs.entries.iter().take_while(|entry| {
        held += length(entry);
        held <= PAGE_LIMIT
    });
    let fitting = fitting.count().max(1);
    if fitting < logs.entries.len() {
        logs.entries.truncate(fitting);
        logs.next_after = logs.entries.last().map(|entry| entry.sequence);
        logs.count = fitting;
    }
    logs
}

#[cfg(test)]
mod tests {
    use super::*;
    use pyro_core::store::command::CommandState;
    use pyro_core::workspace::exec::Said;

    fn entry(sequence: u64, bytes: usize) -> LogEntry {
        LogEntry {
            sequence,
            command: "true".to_owned(),
            cwd: "/workspace".to_owned(),
            user: None,
            state: CommandState::Ended,
            exit_code: Some(0),
            duration_ms: 1,
            execution_mode: "guest_kvm".to_owned(),
            recorded_at: 1.0,
            said: Said { stdout: "x".repeat(bytes), ..Said::default() },
        }
    }

    #[test]
    fn a_page_of_the_history_ends_before_it_is_too_long() {
        let page = |sizes: &[usize], next_after| {
            let entries: Vec<LogEntry> = (1..).zip(sizes).map(|(number, size)| entry(number, *size)).collect();
            let workspace_id = Id::parse("0123456789ab").unwrap();
            cut(WorkspaceLogs { workspace_id, count: entries.len(), entries, next_after, background: None })
        };
        for (sizes, next_after, count, next) in [
            (&[][..], None, 0, None),
            (&[10, 10], None, 2, None),
            (&[10, 10], Some(2), 2, Some(2)),
            (&[PAGE_LIMIT, 10], None, 1, Some(1)),
            (&[10, PAGE_LIMIT, 10], Some(3), 1, Some(1)),
            (&[100_000, 100_000, 100_000], None, 2, Some(2)),
        ] {
            let cut = page(sizes, next_after);
            assert_eq!((cut.count, cut.entries.len(), cut.next_after), (count, count, next), "{sizes:?}");
        }
    }
}
