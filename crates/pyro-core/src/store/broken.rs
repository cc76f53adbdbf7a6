//! Records that cannot be understood, as far as they can: what of the host still belongs to them.

use super::claim;
use super::column::parse_process;
use super::{Store, StoreError};
use crate::host::process::{self, ProcessId};
use crate::id::Id;
use rusqlite::{OptionalExtension, Row};

/// What can be read of a workspace's broken record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BrokenWorkspace {
    /// Its vms.
    pub vms: Vec<Id>,
    /// Whether a living process changes it.
    pub is_attended: bool,
}

/// What can be read of a vm's broken record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BrokenVm {
    /// Its processes of this boot of the host: the supervisor, then the engine.
    pub processes: Vec<ProcessId>,
}

/// A record that cannot be understood.
#[derive(Debug, thiserror::Error)]
#[error("the record {id:?} is broken")]
pub struct BrokenRecord {
    /// Its key, whatever that holds.
    pub id: String,
    /// Why.
    #[source]
    pub error: rusqlite::Error,
}

impl Store {
    /// As much of a workspace's record as can be read; none where there is no record.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub fn broken_workspace(&self, id: Id) -> Result<Option<BrokenWorkspace>, StoreError> {
        let query = "SELECT * FROM workspace WHERE id = ?1";
        let read = |row: &Row<'_>| {
            let vms = ["vm", "next_vm"]
                .into_iter()
                .filter_map(|column| Id::parse(&text(row, column)?).ok())
                .collect();
            let owner = text(row, "owner").and_then(|owner| parse_process(&owner).ok());
            let is_attended = claim::is_attended(owner, &text(row, "boot_id").unwrap_or_default());
            Ok(BrokenWorkspace { vms, is_attended })
        };
        Ok(self.connection().query_row(query, [id.to_string()], read).optional()?)
    }

    /// As much of a vm's record as can be read; none where there is no record.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub fn broken_vm(&self, id: &str) -> Result<Option<BrokenVm>, StoreError> {
        let read = |row: &Row<'_>| {
            let columns = if is_of_this_boot(row) { &["supervisor", "engine"][..] } else { &[] };
            let processes = columns
                .iter()
                .filter_map(|column| parse_process(&text(row, column)?).ok())
                .collect();
            Ok(BrokenVm { processes })
        };
        Ok(self.connection().query_row("SELECT * FROM vm WHERE id = ?1", [id], read).optional()?)
    }
}

fn text(row: &Row<'_>, column: &str) -> Option<String> {
    row.get(column).ok()
}

fn is_of_this_boot(row: &Row<'_>) -> bool {
    text(row, "boot_id").is_some_and(|boot| boot == process::boot_id())
}
