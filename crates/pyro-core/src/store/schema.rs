//! Numbered migrations: each runs once, in one transaction with the number that records it.

use super::StoreError;
use rusqlite::{Connection, TransactionBehavior};
use std::path::Path;

const MIGRATIONS: &[&str] = &["
CREATE TABLE boot_fact (
    name TEXT PRIMARY KEY,
    boot_id TEXT NOT NULL,
    value TEXT NOT NULL
) STRICT;
CREATE TABLE vm (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    environment TEXT NOT NULL,
    environment_version TEXT,
    vcpu_count INTEGER NOT NULL,
    mem_mib INTEGER NOT NULL,
    ttl_seconds INTEGER NOT NULL,
    created_at REAL NOT NULL,
    expires_at REAL NOT NULL,
    state TEXT NOT NULL,
    execution_mode TEXT NOT NULL,
    boot_id TEXT NOT NULL,
    owner TEXT NOT NULL,
    supervisor TEXT,
    engine TEXT
) STRICT;
"];

pub(super) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    let version =
        |connection: &Connection| connection.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0));
    let found = version(connection)?;
    if found == known {
        return Ok(());
    }
    // Another process may be migrating too: the number is read again under the write lock.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = version(&transaction)?;
    if found > known {
        return Err(StoreError::Newer { path: path.to_owned(), found, known });
    }
    for migration in &MIGRATIONS[usize::try_from(found).unwrap_or(0)..] {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "user_version", known)?;
    transaction.commit()?;
    Ok(())
}
