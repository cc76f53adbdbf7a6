//! The history of a workspace's commands, page by page.

use super::claim::find;
use super::error::WorkspaceError;
use super::exec::Said;
use crate::config::Config;
use crate::id::Id;
use crate::store::Store;
use crate::store::command::CommandRecord;
use serde::Serialize;

/// Commands of a page where nothing else is asked for.
pub const DEFAULT_LIMIT: u64 = 100;

/// Most commands of a page.
pub const MAX_LIMIT: u64 = 1000;

/// A page of the history, oldest first.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WorkspaceLogs {
    /// The workspace.
    pub workspace_id: Id,
    /// How many are on this page.
    pub count: usize,
    /// Them.
    pub entries: Vec<LogEntry>,
    /// What to ask for as `after` to get the next page; none on the last one.
    pub next_after: Option<u64>,
}

/// A command that was run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LogEntry {
    /// Its number.
    pub sequence: u64,
    /// As given.
    pub command: String,
    /// Where it ran.
    pub cwd: String,
    /// Whom it ran as, where that was chosen.
    pub user: Option<String>,
    /// Its status.
    pub exit_code: i32,
    /// Wall time in milliseconds.
    pub duration_ms: u64,
    /// What ran it.
    pub execution_mode: String,
    /// Seconds since 1970.
    pub recorded_at: f64,
    /// What it said.
    #[serde(flatten)]
    pub said: Said,
}

/// At most `limit` commands behind the number `after`.
///
/// # Errors
/// [`WorkspaceError::NoSuchWorkspace`].
pub fn logs(config: &Config, id: Id, after: u64, limit: u64) -> Result<WorkspaceLogs, WorkspaceError> {
    let store = Store::open(&config.data_dir)?;
    find(&store, id)?;
    let limit = limit.clamp(1, MAX_LIMIT);
    let mut commands = store.commands(id, after, limit + 1)?;
    let more = commands.len() as u64 > limit;
    commands.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let entries: Vec<LogEntry> = commands.into_iter().map(LogEntry::from).collect();
    let next_after = entries.last().filter(|_| more).map(|entry| entry.sequence);
    Ok(WorkspaceLogs { workspace_id: id, count: entries.len(), entries, next_after })
}

impl From<CommandRecord> for LogEntry {
    fn from(command: CommandRecord) -> Self {
        Self {
            sequence: command.sequence,
            command: command.command,
            cwd: command.cwd,
            user: command.user,
            exit_code: command.exit_code,
            duration_ms: command.duration_ms,
            execution_mode: command.execution_mode,
            recorded_at: command.recorded_at,
            // A record of another version says what it can.
            said: serde_json::from_str(&command.output).unwrap_or_default(),
        }
    }
}
