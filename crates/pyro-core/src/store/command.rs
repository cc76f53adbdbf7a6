//! A workspace's history, as records: each command is there before it starts.

use super::column::{parse_process, parsed_option, process_text};
use super::workspace::{ANEW, renew};
use super::{Store, StoreError};
use crate::execution_mode::ExecutionMode;
use crate::host::process::{self, ProcessId};
use crate::id::Id;
use crate::timestamp::Timestamp;
use rusqlite::{OptionalExtension, Row, params};
use serde::Serialize;

/// How far a command has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CommandState {
    /// It has started, and its client waits for it.
    Running,
    /// It came to its end.
    #[default]
    Ended,
    /// Its client ended it: a signal, a cancelled call, or a reader that went away.
    Interrupted,
    /// Its machine ended under it.
    Lost,
    /// Its client died, which ended it; what it had printed is not known.
    Abandoned,
}

impl CommandState {
    const ALL: [Self; 5] =
        [Self::Running, Self::Ended, Self::Interrupted, Self::Lost, Self::Abandoned];

    /// The name that records and surfaces use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Ended => "ended",
            Self::Interrupted => "interrupted",
            Self::Lost => "lost",
            Self::Abandoned => "abandoned",
        }
    }

    /// Of a record that `owner` has left, as far as it is known.
    fn of(name: &str, owner: Option<ProcessId>, boot_id: Option<&str>) -> Self {
        let state = Self::ALL.into_iter().find(|state| state.name() == name).unwrap_or_default();
        let attended =
            || boot_id == Some(&process::boot_id()) && owner.is_some_and(|owner| owner.is_alive());
        if state == Self::Running && !attended() { Self::Abandoned } else { state }
    }
}

/// A command of a workspace.
#[derive(Clone, Debug, PartialEq)]
pub struct CommandRecord {
    /// Its number, from 1.
    pub sequence: u64,
    /// As it was given.
    pub command: String,
    /// Where it ran.
    pub cwd: String,
    /// Whom it ran as, where that was chosen.
    pub user: Option<String>,
    /// How far it has come.
    pub state: CommandState,
    /// Its status; 0 unless it has ended.
    pub exit_code: i32,
    /// Wall time in milliseconds.
    pub duration_ms: u64,
    /// What ran it.
    pub execution_mode: ExecutionMode,
    /// Seconds since 1970.
    pub recorded_at: Timestamp,
    /// What it said, as JSON that only its writer understands.
    pub output: String,
}

impl CommandRecord {
    /// Its status; none unless it has ended.
    #[must_use]
    pub fn status(&self) -> Option<i32> {
        (self.state == CommandState::Ended).then_some(self.exit_code)
    }
}

impl Store {
    /// Record a command that this process is about to run in `vm` under the next number of its
    /// workspace, which is given, and begin the workspace's lifetime anew in the same moment; none
    /// when the workspace has another vm by now, or is gone.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub fn begin_command(
        &self,
        workspace: Id,
        vm: Id,
        command: &CommandRecord,
    ) -> Result<Option<u64>, StoreError> {
        let connection = self.connection();
        let transaction = connection.unchecked_transaction()?;
        let id = workspace.to_string();
        let counted = "UPDATE workspace SET command_count = command_count + 1 WHERE id = ?1 AND vm = ?2 RETURNING command_count";
        let counted =
            transaction.query_row(counted, [&id, &vm.to_string()], |row| row.get(0)).optional()?;
        let Some(sequence) = counted else { return Ok(None) };
        let sequence: u64 = sequence;
        transaction.execute(
            "INSERT INTO workspace_command (workspace, sequence, command, cwd, exit_code, duration_ms, execution_mode,
                                            recorded_at, output, user, state, owner, boot_id)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
            params![
                id,
                sequence,
                command.command,
                command.cwd,
                command.exit_code,
                command.duration_ms,
                command.execution_mode,
                command.recorded_at,
                command.output,
                command.user,
                command.state.name(),
                process_text(ProcessId::current()),
                process::boot_id(),
            ],
        )?;
        renew(&transaction, ANEW, workspace, command.recorded_at)?;
        transaction.commit()?;
        Ok(Some(sequence))
    }

    /// Complete what [`Store::begin_command`] has begun in `vm`, durably, and begin the workspace's
    /// lifetime anew; false when the workspace has another vm by now, or is gone: its history is
    /// another disk's.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub fn end_command(
        &self,
        workspace: Id,
        vm: Id,
        command: &CommandRecord,
    ) -> Result<bool, StoreError> {
        self.durably(|transaction| {
            let changed = transaction.execute(
                "UPDATE workspace_command SET state = ?4, exit_code = ?5, duration_ms = ?6, recorded_at = ?7, output = ?8,
                                              owner = NULL, boot_id = NULL
                 WHERE workspace = ?1 AND sequence = ?3 AND state = 'running'
                       AND EXISTS (SELECT 1 FROM workspace WHERE id = ?1 AND vm = ?2)",
                params![
                    workspace.to_string(),
                    vm.to_string(),
                    command.sequence,
                    command.state.name(),
                    command.exit_code,
                    command.duration_ms,
                    command.recorded_at,
                    command.output,
                ],
            )?;
            if changed == 1 {
                renew(transaction, ANEW, workspace, command.recorded_at)?;
            }
            Ok(changed == 1)
        })
    }

    /// Forget a command that never began; its number is used again unless another command has come
    /// after it.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub fn forget_command(&self, workspace: Id, vm: Id, sequence: u64) -> Result<(), StoreError> {
        let connection = self.connection();
        let transaction = connection.unchecked_transaction()?;
        let (id, vm) = (workspace.to_string(), vm.to_string());
        let forgotten = transaction.execute(
            "DELETE FROM workspace_command WHERE workspace = ?1 AND sequence = ?3 AND state = 'running'
                    AND EXISTS (SELECT 1 FROM workspace WHERE id = ?1 AND vm = ?2)",
            params![id, vm, sequence],
        )?;
        if forgotten == 1 {
            let given_back = "UPDATE workspace SET command_count = command_count - 1 WHERE id = ?1 AND command_count = ?2";
            transaction.execute(given_back, params![id, sequence])?;
        }
        transaction.commit()?;
        Ok(())
    }

    /// At most `limit` commands of a workspace behind the number `after`, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub fn commands(
        &self,
        workspace: Id,
        after: u64,
        limit: u64,
    ) -> Result<Vec<CommandRecord>, StoreError> {
        let connection = self.connection();
        let mut query = connection.prepare_cached(
            "SELECT * FROM workspace_command WHERE workspace = ?1 AND sequence > ?2 ORDER BY sequence LIMIT ?3",
        )?;
        let rows = query.query_map(params![workspace.to_string(), after, limit], command_of_row)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Names of the files that hold what the results of a workspace's commands leave out.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub fn output_names(&self, workspace: Id) -> Result<Vec<String>, StoreError> {
        let connection = self.connection();
        let mut query = connection.prepare_cached(
            "SELECT file.value FROM workspace_command, json_each(iif(json_valid(output), output, '{}')) AS file
             WHERE workspace = ?1 AND file.key IN ('stdout_file', 'stderr_file') AND file.type = 'text'",
        )?;
        let rows = query.query_map([workspace.to_string()], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The newest command of a workspace.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub fn last_command(&self, workspace: Id) -> Result<Option<CommandRecord>, StoreError> {
        let connection = self.connection();
        let query =
            "SELECT * FROM workspace_command WHERE workspace = ?1 ORDER BY sequence DESC LIMIT 1";
        Ok(connection.query_row(query, [workspace.to_string()], command_of_row).optional()?)
    }
}

fn command_of_row(row: &Row<'_>) -> rusqlite::Result<CommandRecord> {
    let (state, boot_id): (String, Option<String>) = (row.get("state")?, row.get("boot_id")?);
    let owner = parsed_option(row, "owner", parse_process)?;
    Ok(CommandRecord {
        sequence: row.get("sequence")?,
        command: row.get("command")?,
        cwd: row.get("cwd")?,
        user: row.get("user")?,
        state: CommandState::of(&state, owner, boot_id.as_deref()),
        exit_code: row.get("exit_code")?,
        duration_ms: row.get("duration_ms")?,
        execution_mode: row.get("execution_mode")?,
        recorded_at: row.get("recorded_at")?,
        output: row.get("output")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_whose_client_is_gone_does_not_run() {
        let (me, boot_id) = (ProcessId::current(), process::boot_id());
        let reused = ProcessId { start_ticks: me.start_ticks + 1, ..me };
        let of = |name: &str, owner, boot_id: Option<&str>| {
            CommandState::of(name, owner, boot_id).name()
        };
        assert_eq!(of("running", Some(me), Some(&boot_id)), "running");
        assert_eq!(of("running", Some(reused), Some(&boot_id)), "abandoned");
        assert_eq!(of("running", Some(me), Some("another")), "abandoned");
        assert_eq!(of("running", None, None), "abandoned");
        assert_eq!((of("lost", None, None), of("ended", None, None)), ("lost", "ended"));
        assert_eq!(of("what a newer pyro says", None, None), "ended");
    }
}
