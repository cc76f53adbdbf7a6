//! The history of a workspace's commands, page by page.

use super::background::{BackgroundOutput, background};
use super::claim::find;
use super::error::WorkspaceError;
use crate::config::Config;
use crate::id::Id;
use crate::store::Store;
use crate::store::command::{CommandRecord, CommandState};
use crate::timestamp::Timestamp;
use crate::vm::result::CommandResult;
use serde::Serialize;

/// Commands of a page where nothing else is asked for.
pub const DEFAULT_LOG_ENTRIES: u64 = 100;

/// Most commands of a page.
pub const MAX_LOG_ENTRIES: u64 = 1000;

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
    /// In place of the history, where that was asked for: what commands left in the background has
    /// printed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub background: Option<Vec<BackgroundOutput>>,
}

/// A command of the history.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LogEntry {
    /// Its number, from 1.
    pub sequence: u64,
    /// Where it ran.
    pub cwd: String,
    /// Whom it ran as, where that was chosen.
    pub user: Option<String>,
    /// How far it has come.
    pub state: CommandState,
    /// When it began, or ended where it has.
    pub recorded_at: Timestamp,
    /// How it ended, and its output.
    #[serde(flatten)]
    pub result: CommandResult,
}

/// At most `limit` commands behind the number `after`.
///
/// # Errors
/// [`WorkspaceError::NoSuchWorkspace`].
pub fn logs(
    config: &Config,
    id: Id,
    after: u64,
    limit: u64,
) -> Result<WorkspaceLogs, WorkspaceError> {
    let store = Store::open(&config.data_dir)?;
    find(&store, id)?;
    let limit = limit.clamp(1, MAX_LOG_ENTRIES);
    let mut commands = store.commands(id, after, limit + 1)?;
    let more = commands.len() as u64 > limit;
    commands.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let entries: Vec<LogEntry> = commands.into_iter().map(LogEntry::from).collect();
    let next_after = entries.last().filter(|_| more).map(|entry| entry.sequence);
    Ok(WorkspaceLogs {
        workspace_id: id,
        count: entries.len(),
        entries,
        next_after,
        background: None,
    })
}

/// What commands left in the background has printed, in place of the history; at most `max_bytes`
/// of each command's.
///
/// # Errors
/// As [`background`].
pub async fn of_background(
    config: &Config,
    id: Id,
    max_bytes: usize,
) -> Result<WorkspaceLogs, WorkspaceError> {
    let background = background(config, id, max_bytes).await?;
    let (count, entries) = (background.len(), Vec::new());
    Ok(WorkspaceLogs {
        workspace_id: id,
        count,
        entries,
        next_after: None,
        background: Some(background),
    })
}

impl From<CommandRecord> for LogEntry {
    fn from(record: CommandRecord) -> Self {
        // A record of another version says what it can.
        let kept: CommandResult = serde_json::from_str(&record.output).unwrap_or_default();
        let result = CommandResult {
            exit_code: record.status(),
            command: record.command,
            duration_ms: record.duration_ms,
            execution_mode: record.execution_mode,
            ..kept
        };
        Self {
            sequence: record.sequence,
            cwd: record.cwd,
            user: record.user,
            state: record.state,
            recorded_at: record.recorded_at,
            result,
        }
    }
}
