//! Values of this crate as SQLite has them.

use crate::backing::{Backing, ImageDigest};
use crate::execution_mode::ExecutionMode;
use crate::timestamp::Timestamp;
use rusqlite::ToSql;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, Value, ValueRef};

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
        Self::parse(name).ok_or_else(|| FromSqlError::Other(format!("unknown execution mode {name:?}").into()))
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
