//! Numbered migrations: each runs once, in one transaction with the number that records it.

use super::error::StoreError;
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
", "
CREATE TABLE new_vm (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    environment TEXT NOT NULL,
    environment_version TEXT,
    image_digest TEXT,
    vcpu_count INTEGER NOT NULL,
    mem_mib INTEGER NOT NULL,
    ttl_seconds INTEGER NOT NULL,
    allow_host_compat INTEGER NOT NULL,
    created_at REAL NOT NULL,
    expires_at REAL,
    state TEXT NOT NULL,
    execution_mode TEXT NOT NULL,
    last_error TEXT,
    boot_id TEXT NOT NULL,
    owner TEXT NOT NULL,
    supervisor TEXT,
    engine TEXT,
    revision INTEGER NOT NULL
) STRICT;
INSERT INTO new_vm
    SELECT id, kind, environment, environment_version, NULL, vcpu_count, mem_mib, ttl_seconds, 0, created_at, expires_at,
           state, execution_mode, NULL, boot_id, owner, supervisor, engine, 0 FROM vm;
DROP TABLE vm;
ALTER TABLE new_vm RENAME TO vm;
", "
CREATE TABLE layer (
    id TEXT PRIMARY KEY,
    parent TEXT REFERENCES layer (id),
    image_digest TEXT NOT NULL,
    created_at REAL NOT NULL
) STRICT;
CREATE TABLE workspace (
    id TEXT PRIMARY KEY,
    name TEXT,
    labels TEXT NOT NULL,
    environment TEXT NOT NULL,
    environment_version TEXT,
    vcpu_count INTEGER NOT NULL,
    mem_mib INTEGER NOT NULL,
    ttl_seconds INTEGER NOT NULL,
    allow_host_compat INTEGER NOT NULL,
    created_at REAL NOT NULL,
    last_activity_at REAL NOT NULL,
    expires_at REAL,
    seed TEXT NOT NULL,
    vm TEXT,
    top_layer TEXT REFERENCES layer (id),
    baseline_layer TEXT REFERENCES layer (id),
    next_vm TEXT,
    next_layer TEXT REFERENCES layer (id),
    command_count INTEGER NOT NULL,
    reset_count INTEGER NOT NULL,
    last_reset_at REAL,
    change TEXT,
    owner TEXT,
    boot_id TEXT NOT NULL,
    revision INTEGER NOT NULL
) STRICT;
CREATE TABLE workspace_command (
    workspace TEXT NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    sequence INTEGER NOT NULL,
    command TEXT NOT NULL,
    cwd TEXT NOT NULL,
    exit_code INTEGER NOT NULL,
    duration_ms INTEGER NOT NULL,
    execution_mode TEXT NOT NULL,
    recorded_at REAL NOT NULL,
    output TEXT NOT NULL,
    PRIMARY KEY (workspace, sequence)
) STRICT;
", "
ALTER TABLE layer ADD COLUMN made INTEGER NOT NULL DEFAULT 0;
ALTER TABLE layer ADD COLUMN maker TEXT;
UPDATE layer SET made = 1 WHERE id IN (SELECT parent FROM layer);
", "
ALTER TABLE workspace_command ADD COLUMN user TEXT;
", "
ALTER TABLE workspace_command ADD COLUMN state TEXT NOT NULL DEFAULT 'ended';
ALTER TABLE workspace_command ADD COLUMN owner TEXT;
ALTER TABLE workspace_command ADD COLUMN boot_id TEXT;
", "
CREATE TABLE snapshot (
    workspace TEXT NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    layer TEXT NOT NULL REFERENCES layer (id),
    created_at REAL NOT NULL,
    entry_count INTEGER,
    bytes_written INTEGER,
    PRIMARY KEY (workspace, name)
) STRICT;
", "
CREATE TABLE service (
    workspace TEXT NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    definition TEXT NOT NULL,
    restart INTEGER NOT NULL,
    run INTEGER NOT NULL,
    state TEXT NOT NULL,
    execution_mode TEXT NOT NULL,
    pid INTEGER,
    started_at REAL NOT NULL,
    ready_at REAL,
    ended_at REAL,
    exit_code INTEGER,
    stop_reason TEXT,
    PRIMARY KEY (workspace, name)
) STRICT;
CREATE TRIGGER service_ends_with_vm AFTER UPDATE OF state ON vm WHEN NEW.state = 'stopped' BEGIN
    UPDATE service SET state = 'stopped', stop_reason = 'workspace_stopped', ended_at = unixepoch('subsec')
    WHERE state = 'running' AND workspace IN (SELECT id FROM workspace WHERE vm = NEW.id);
END;
CREATE TRIGGER service_goes_with_reset AFTER UPDATE OF reset_count ON workspace
WHEN NEW.reset_count <> OLD.reset_count BEGIN
    DELETE FROM service WHERE workspace = NEW.id;
END;
"];

pub(super) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    let version = |connection: &Connection| {
        connection.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0))
    };
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
