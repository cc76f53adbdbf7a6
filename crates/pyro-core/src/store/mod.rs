//! Records in SQLite: the only place that speaks SQL.

pub mod broken;
pub mod claim;
mod column;
pub mod command;
mod error;
pub mod layer;
mod schema;
pub mod service;
pub mod snapshot;
pub mod vm;
pub mod workspace;

pub use error::StoreError;

use crate::host::lock::FileLock;
use crate::host::{fs, process};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long a writer waits for another process's transaction; none of ours takes more than
/// milliseconds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(20);

/// The records of one data directory; any number of processes may have it open.
#[derive(Debug)]
pub struct Store {
    connection: Mutex<Connection>,
}

/// The database, in the data directory.
const RECORDS: &str = "pyro.sqlite3";

impl Store {
    /// Open the records in `data_dir`, which is made where it is missing and kept from other users,
    /// and bring the schema up to date.
    ///
    /// # Errors
    /// Each variant of [`StoreError`].
    pub fn open(data_dir: &Path) -> Result<Self, StoreError> {
        fs::own_dir(data_dir, RECORDS)?;
        let path = data_dir.join(RECORDS);
        // SQLite gives the files beside it the same mode.
        fs::own_file(&path)?;
        for beside in ["pyro.sqlite3-wal", "pyro.sqlite3-shm"] {
            fs::keep_file_own(&data_dir.join(beside))?;
        }
        let mut connection = Connection::open(&path)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        let journal_mode: String =
            connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
        if journal_mode != "wal" {
            // Two who change the mode of a new database at once wait for each other; SQLite lets
            // one fail at once.
            let _turn = FileLock::acquire_blocking(&data_dir.join("new.lock"))?;
            connection.pragma_update(None, "journal_mode", "wal")?;
        }
        // A record of a vm is worth nothing after a power cut, which ends the vm too; what must
        // outlive one asks for `synchronous = full` itself.
        connection.pragma_update(None, "synchronous", "normal")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        schema::migrate(&mut connection, &path)?;
        Ok(Self { connection: Mutex::new(connection) })
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        // A panic in between leaves a transaction that was rolled back: the connection is as good
        // as before.
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A fact about this boot of the host that was remembered under `name`.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub fn boot_fact(&self, name: &str) -> Result<Option<String>, StoreError> {
        let connection = self.connection();
        let mut query = connection
            .prepare_cached("SELECT value FROM boot_fact WHERE name = ?1 AND boot_id = ?2")?;
        Ok(query.query_row((name, process::boot_id()), |row| row.get(0)).optional()?)
    }

    /// Remember a fact that holds until the host boots again.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub fn remember_boot_fact(&self, name: &str, value: &str) -> Result<(), StoreError> {
        self.connection().execute(
            "INSERT INTO boot_fact (name, boot_id, value) VALUES (?1, ?2, ?3)
             ON CONFLICT (name) DO UPDATE SET boot_id = excluded.boot_id, value = excluded.value",
            (name, process::boot_id(), value),
        )?;
        Ok(())
    }

    /// In one transaction that a power cut does not undo once it is committed.
    fn durably<T>(
        &self,
        act: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let mut connection = self.connection();
        connection.pragma_update(None, "synchronous", "full")?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let result = act(&transaction)?;
        transaction.commit()?;
        Ok(result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_schema_is_refused_and_left_alone() {
        let home = tempfile::tempdir().unwrap();
        let store = Store::open(home.path()).unwrap();
        store.connection().pragma_update(None, "user_version", 9999).unwrap();
        drop(store);
        assert!(matches!(Store::open(home.path()), Err(StoreError::Newer { found: 9999, .. })));
    }

    #[test]
    fn the_records_are_their_users_alone_also_where_they_were_not() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().unwrap();
        let names = ["", "pyro.sqlite3", "pyro.sqlite3-wal", "pyro.sqlite3-shm"];
        let modes = || {
            names.map(|name| {
                fs::metadata(&home.path().join(name)).unwrap().permissions().mode() & 0o777
            })
        };
        let store = Store::open(home.path()).unwrap();
        store.remember_boot_fact("kvm", "usable").unwrap();
        assert_eq!(modes(), [0o700, 0o600, 0o600, 0o600]);
        for (name, mode) in names.into_iter().zip([0o755, 0o644, 0o644, 0o644]) {
            std::fs::set_permissions(home.path().join(name), PermissionsExt::from_mode(mode))
                .unwrap();
        }
        let again = Store::open(home.path()).unwrap();
        assert_eq!(modes(), [0o700, 0o600, 0o600, 0o600]);
        assert_eq!(again.boot_fact("kvm").unwrap().as_deref(), Some("usable"));
    }

    #[test]
    fn a_boot_fact_is_forgotten_with_the_boot() {
        let home = tempfile::tempdir().unwrap();
        let store = Store::open(home.path()).unwrap();
        assert_eq!(store.boot_fact("kvm").unwrap(), None);
        store.remember_boot_fact("kvm", "usable").unwrap();
        store.remember_boot_fact("kvm", "slow").unwrap();
        assert_eq!(store.boot_fact("kvm").unwrap().as_deref(), Some("slow"));
        store.connection().execute("UPDATE boot_fact SET boot_id = 'another'", ()).unwrap();
        assert_eq!(store.boot_fact("kvm").unwrap(), None);
    }

    #[test]
    fn many_open_a_new_one_at_once() {
        for _ in 0..100 {
            let home = tempfile::tempdir().unwrap();
            let together = std::sync::Arc::new(std::sync::Barrier::new(8));
            let threads: Vec<_> = (0..8)
                .map(|_| {
                    let (together, path) = (together.clone(), home.path().to_owned());
                    std::thread::spawn(move || {
                        together.wait();
                        Store::open(&path).map(drop)
                    })
                })
                .collect();
            threads.into_iter().for_each(|thread| thread.join().unwrap().unwrap());
        }
    }
}
