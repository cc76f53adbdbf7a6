//! A failure of the records.

use crate::host::fs;
use crate::id::Id;
use std::path::PathBuf;

/// A failure of the records.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The data directory cannot be used.
    #[error(transparent)]
    Directory(#[from] fs::FsError),
    /// The database was written by a later pyro.
    #[error("the records in {} were written by a newer pyro (schema {found}, this one knows {known})", path.display())]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its schema number.
        found: i64,
        /// The highest number this program knows.
        known: i64,
    },
    /// A record that was read holds what cannot be understood.
    #[error("the record of {noun} {id} is broken")]
    Broken {
        /// What it is a record of: `vm` or `workspace`.
        noun: &'static str,
        /// Whose.
        id: Id,
        /// What is wrong with it.
        #[source]
        source: rusqlite::Error,
    },
    /// SQLite failed.
    #[error("the records cannot be read or written")]
    Sql(#[from] rusqlite::Error),
}

impl StoreError {
    /// Whether there is no room for the records.
    #[must_use]
    pub fn is_full(&self) -> bool {
        match self {
            Self::Directory(error) => error.is_full(),
            Self::Sql(error) => error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull),
            Self::Newer { .. } | Self::Broken { .. } => false,
        }
    }
}

/// Tell a record that holds nonsense from a database that fails.
pub(super) fn told_apart(noun: &'static str, id: Id) -> impl Fn(rusqlite::Error) -> StoreError {
    move |source| match source {
        rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::InvalidColumnType(..)
        | rusqlite::Error::IntegralValueOutOfRange(..)
        | rusqlite::Error::Utf8Error(..) => StoreError::Broken { noun, id, source },
        source => StoreError::Sql(source),
    }
}
