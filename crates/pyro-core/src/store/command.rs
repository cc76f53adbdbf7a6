//! A workspace's history, as records.

use super::{Store, StoreError};
use crate::id::Id;
use rusqlite::{OptionalExtension, Row, params};

/// A command that a workspace has run.
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
    /// Its status.
    pub exit_code: i32,
    /// Wall time in milliseconds.
    pub duration_ms: u64,
    /// What ran it.
    pub execution_mode: String,
    /// Seconds since 1970.
    pub recorded_at: f64,
    /// What it said, as JSON that only its writer understands.
    pub output: String,
}

impl Store {
    /// Record a command that ran in `vm` under the next number of its workspace, which is given; none when the workspace has
    /// another vm by now, or is gone: its history is another disk's.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub fn insert_command(&self, workspace: Id, vm: Id, command: &CommandRecord) -> Result<Option<u64>, StoreError> {
        self.durably(|transaction| {
            let id = workspace.to_string();
            let counted =
                "UPDATE workspace SET command_count = command_count + 1 WHERE id = ?1 AND vm = ?2 RETURNING command_count";
            let counted = transaction.query_row(counted, [&id, &vm.to_string()], |row| row.get(0));
            let Some(sequence) = counted.optional()? else { return Ok(None) };
            let sequence: u64 = sequence;
            transaction.execute(
                "INSERT INTO workspace_command VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
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
                ],
            )?;
            Ok(Some(sequence))
        })
    }

    /// At most `limit` commands of a workspace behind the number `after`, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub fn commands(&self, workspace: Id, after: u64, limit: u64) -> Result<Vec<CommandRecord>, StoreError> {
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
        let query = "SELECT * FROM workspace_command WHERE workspace = ?1 ORDER BY sequence DESC LIMIT 1";
        Ok(connection.query_row(query, [workspace.to_string()], command_of_row).optional()?)
    }
}

fn command_of_row(row: &Row<'_>) -> rusqlite::Result<CommandRecord> {
    Ok(CommandRecord {
        sequence: row.get("sequence")?,
        command: row.get("command")?,
        cwd: row.get("cwd")?,
        user: row.get("user")?,
        exit_code: row.get("exit_code")?,
        duration_ms: row.get("duration_ms")?,
        execution_mode: row.get("execution_mode")?,
        recorded_at: row.get("recorded_at")?,
        output: row.get("output")?,
    })
}
