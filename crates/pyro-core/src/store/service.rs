//! Records of the services of workspaces. That a vm stopped ends those that ran in it, and a reset
//! forgets them, whoever writes it down: both are triggers of the tables.

use super::column::parsed;
use super::{Store, StoreError};
use crate::execution_mode::ExecutionMode;
use crate::id::Id;
use crate::service_name::ServiceName;
use crate::timestamp::Timestamp;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef};
use rusqlite::{OptionalExtension, Row, ToSql, params};
use serde::Serialize;

/// Services that one workspace has at most, those included that have ended.
pub const MAX_SERVICES: usize = 64;

/// How far a service has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ServiceState {
    /// It runs.
    Running,
    /// It ended by itself.
    Exited,
    /// Somebody ended it.
    Stopped,
    /// It never became ready.
    Failed,
}

/// Why a service ended that did not just exit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// It was asked to.
    Sigterm,
    /// It was asked to, and killed when it did not.
    Sigkill,
    /// It ended before it was ready.
    ProcessExitedBeforeReady,
    /// It was not ready in time, and was ended.
    ReadinessTimeout,
    /// Its workspace stopped.
    WorkspaceStopped,
}

impl ServiceState {
    const ALL: [Self; 4] = [Self::Running, Self::Exited, Self::Stopped, Self::Failed];

    /// The name that records and surfaces use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Exited => "exited",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
        }
    }
}

impl StopReason {
    const ALL: [Self; 5] = [
        Self::Sigterm,
        Self::Sigkill,
        Self::ProcessExitedBeforeReady,
        Self::ReadinessTimeout,
        Self::WorkspaceStopped,
    ];

    /// The name that records and surfaces use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sigterm => "sigterm",
            Self::Sigkill => "sigkill",
            Self::ProcessExitedBeforeReady => "process_exited_before_ready",
            Self::ReadinessTimeout => "readiness_timeout",
            Self::WorkspaceStopped => "workspace_stopped",
        }
    }
}

impl ToSql for ServiceState {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.name().into())
    }
}

impl FromSql for ServiceState {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let name = value.as_str()?;
        let known = Self::ALL.into_iter().find(|state| state.name() == name);
        known.ok_or_else(|| FromSqlError::Other(format!("unknown service state {name:?}").into()))
    }
}

impl ToSql for StopReason {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.name().into())
    }
}

impl FromSql for StopReason {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let name = value.as_str()?;
        let known = Self::ALL.into_iter().find(|reason| reason.name() == name);
        known.ok_or_else(|| FromSqlError::Other(format!("unknown stop reason {name:?}").into()))
    }
}

/// One service, as recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceRecord {
    /// What its user calls it.
    pub name: ServiceName,
    /// What it is, as JSON that only its writer understands.
    pub definition: String,
    /// Whether it is started again with its workspace.
    pub restart: bool,
    /// A number that no other start of a service has.
    pub run: i64,
    /// How far it has come.
    pub state: ServiceState,
    /// What runs it.
    pub execution_mode: ExecutionMode,
    /// Its process id in the guest.
    pub pid: Option<u32>,
    /// When it was started.
    pub started_at: Timestamp,
    /// When it was ready, if it has been.
    pub ready_at: Option<Timestamp>,
    /// When it ended, if it has.
    pub ended_at: Option<Timestamp>,
    /// How it ended by itself: its status, or a signal as a negative number.
    pub exit_code: Option<i32>,
    /// Why it ended otherwise.
    pub stop_reason: Option<StopReason>,
}

/// How a service ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceEnd {
    /// What it is now.
    pub state: ServiceState,
    /// See [`ServiceRecord`].
    pub exit_code: Option<i32>,
    /// See [`ServiceRecord`].
    pub stop_reason: Option<StopReason>,
}

impl Store {
    /// The workspace whose vm this is.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub fn workspace_of_vm(&self, vm: Id) -> Result<Option<Id>, StoreError> {
        let connection = self.connection();
        let mut query = connection.prepare_cached("SELECT id FROM workspace WHERE vm = ?1")?;
        let found = query.query_row([vm.to_string()], |row| parsed(row, "id", Id::parse));
        Ok(found.optional()?)
    }

    /// The workspace whose vm this is, or is about to be.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub fn workspace_with_vm(&self, vm: Id) -> Result<Option<Id>, StoreError> {
        let connection = self.connection();
        let query = "SELECT id FROM workspace WHERE vm = ?1 OR next_vm = ?1";
        let mut query = connection.prepare_cached(query)?;
        let found = query.query_row([vm.to_string()], |row| parsed(row, "id", Id::parse));
        Ok(found.optional()?)
    }

    /// Record a service that was started in `vm`, in place of any of its name; the names of those
    /// that are forgotten because there are too many, the one that ended first before all others.
    /// None when the workspace has another vm by now, or is gone.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub fn begin_service(
        &self,
        workspace: Id,
        vm: Id,
        service: &ServiceRecord,
    ) -> Result<Option<Vec<ServiceName>>, StoreError> {
        let workspace = workspace.to_string();
        self.durably(|transaction| {
            let inserted = transaction.execute(
                "INSERT OR REPLACE INTO service (workspace, name, definition, restart, run, state, execution_mode, pid, started_at, ready_at)
                 SELECT id, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11 FROM workspace WHERE id = ?1 AND vm = ?2",
                params![
                    workspace,
                    vm.to_string(),
                    service.name.as_str(),
                    service.definition,
                    service.restart,
                    service.run,
                    service.state,
                    service.execution_mode,
                    service.pid,
                    service.started_at,
                    service.ready_at,
                ],
            )?;
            if inserted == 0 {
                return Ok(None);
            }
            let mut forget = transaction.prepare_cached(
                "DELETE FROM service WHERE workspace = ?1 AND state <> 'running' AND name NOT IN (
                     SELECT name FROM service WHERE workspace = ?1
                     ORDER BY state = 'running' DESC, ended_at DESC LIMIT ?2
                 ) RETURNING name",
            )?;
            let forgotten = forget.query_map(params![workspace, MAX_SERVICES], |row| {
                parsed(row, "name", ServiceName::parse)
            })?;
            forgotten.collect::<Result<_, _>>().map(Some)
        })
    }

    /// Record that the run `run` of a service is ready.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub fn service_is_ready(
        &self,
        workspace: Id,
        run: i64,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let ready = "UPDATE service SET ready_at = ?3 WHERE workspace = ?1 AND run = ?2";
        self.connection().execute(ready, params![workspace.to_string(), run, at])?;
        Ok(())
    }

    /// Record how the run `run` of a service ended, unless its end is recorded.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub fn end_service(
        &self,
        workspace: Id,
        run: i64,
        end: ServiceEnd,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.durably(|transaction| {
            transaction.execute(
                "UPDATE service SET state = ?3, exit_code = ?4, stop_reason = ?5, ended_at = ?6
                 WHERE workspace = ?1 AND run = ?2 AND state = 'running'",
                params![workspace.to_string(), run, end.state, end.exit_code, end.stop_reason, at],
            )
        })?;
        Ok(())
    }

    /// One service of a workspace.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub fn service(
        &self,
        workspace: Id,
        name: &ServiceName,
    ) -> Result<Option<ServiceRecord>, StoreError> {
        let query = "SELECT * FROM service WHERE workspace = ?1 AND name = ?2";
        let key = [&workspace.to_string(), name.as_str()];
        Ok(self.connection().query_row(query, key, service_of_row).optional()?)
    }

    /// The services of a workspace by their names.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub fn services(&self, workspace: Id) -> Result<Vec<ServiceRecord>, StoreError> {
        let connection = self.connection();
        let query = "SELECT * FROM service WHERE workspace = ?1 ORDER BY name";
        let mut query = connection.prepare_cached(query)?;
        let rows = query.query_map([workspace.to_string()], service_of_row)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// How many services a workspace has, and how many of them run.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub fn service_counts(&self, workspace: Id) -> Result<(u64, u64), StoreError> {
        let connection = self.connection();
        let mut query = connection.prepare_cached(
            "SELECT count(*), count(*) FILTER (WHERE state = 'running') FROM service WHERE workspace = ?1",
        )?;
        let counts = query.query_row([workspace.to_string()], |row| Ok((row.get(0)?, row.get(1)?)));
        Ok(counts?)
    }

    /// The services that a workspace is started with: those that ran when it stopped, and are to
    /// be. None of it runs yet.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub fn services_to_restart(&self, workspace: Id) -> Result<Vec<ServiceRecord>, StoreError> {
        let mut services = self.services(workspace)?;
        services.retain(|service| {
            service.restart && service.stop_reason == Some(StopReason::WorkspaceStopped)
        });
        Ok(services)
    }
}

fn service_of_row(row: &Row<'_>) -> rusqlite::Result<ServiceRecord> {
    Ok(ServiceRecord {
        name: parsed(row, "name", ServiceName::parse)?,
        definition: row.get("definition")?,
        restart: row.get("restart")?,
        run: row.get("run")?,
        state: row.get("state")?,
        execution_mode: row.get("execution_mode")?,
        pid: row.get("pid")?,
        started_at: row.get("started_at")?,
        ready_at: row.get("ready_at")?,
        ended_at: row.get("ended_at")?,
        exit_code: row.get("exit_code")?,
        stop_reason: row.get("stop_reason")?,
    })
}
