//! Values of this crate as SQLite has them: those that convert by themselves, and text that is
//! parsed.

use crate::backing::{Backing, ImageDigest};
use crate::execution_mode::ExecutionMode;
use crate::host::process::ProcessId;
use crate::id::Id;
use crate::timestamp::Timestamp;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, Value, ValueRef};
use rusqlite::{Row, ToSql};

impl ToSql for Timestamp {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.seconds().into())
    }
}

impl FromSql for Timestamp {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        f64::column_result(value).map(Self::from_seconds)
    }
}

impl ToSql for ExecutionMode {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.name().into())
    }
}

impl FromSql for ExecutionMode {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let name = value.as_str()?;
        Self::parse(name)
            .ok_or_else(|| FromSqlError::Other(format!("unknown execution mode {name:?}").into()))
    }
}

impl ToSql for Backing {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.image().map_or(ToSqlOutput::Owned(Value::Null), |digest| digest.as_ref().into()))
    }
}

impl FromSql for Backing {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Ok(Option::<String>::column_result(value)?.map(ImageDigest::from).into())
    }
}

pub(super) fn parsed<T, E>(
    row: &Row<'_>,
    column: &str,
    parse: impl Fn(&str) -> Result<T, E>,
) -> rusqlite::Result<T>
where
    E: std::error::Error + Send + Sync + 'static,
{
    let text: String = row.get(column)?;
    parse(&text).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(error))
    })
}

pub(super) fn parsed_option<T, E>(
    row: &Row<'_>,
    column: &str,
    parse: impl Fn(&str) -> Result<T, E>,
) -> rusqlite::Result<Option<T>>
where
    E: std::error::Error + Send + Sync + 'static,
{
    if row.get_ref(column)? == rusqlite::types::ValueRef::Null {
        Ok(None)
    } else {
        parsed(row, column, parse).map(Some)
    }
}

/// Text that is not what its column holds.
#[derive(Debug, thiserror::Error)]
#[error("unexpected value")]
pub(super) struct Unexpected;

/// A process as `PID:START_TICKS`.
pub(super) fn process_text(process: ProcessId) -> String {
    format!("{}:{}", process.pid, process.start_ticks)
}

pub(super) fn parse_process(text: &str) -> Result<ProcessId, Unexpected> {
    let (pid, start_ticks) = text.split_once(':').ok_or(Unexpected)?;
    Ok(ProcessId {
        pid: pid.parse().map_err(|_| Unexpected)?,
        start_ticks: start_ticks.parse().map_err(|_| Unexpected)?,
    })
}

/// An id, where there is one.
pub(super) fn id_text(id: Option<Id>) -> Option<String> {
    id.map(|id| id.to_string())
}
