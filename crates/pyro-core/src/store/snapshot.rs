//! Records of the snapshots of workspaces: names of closed layers.

use super::Store;
use super::column::parsed;
use super::error::StoreError;
use crate::id::Id;
use crate::snapshot_name::SnapshotName;
use crate::timestamp::Timestamp;
use rusqlite::{OptionalExtension, Row, params};

/// One snapshot, as recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct SnapshotRecord {
    /// The workspace that it was taken of.
    pub workspace: Id,
    /// What its user calls it.
    pub name: SnapshotName,
    /// The closed layer that it is.
    pub layer: Id,
    /// When it was taken.
    pub created_at: Timestamp,
    /// Files, directories and links of `/workspace`; none where they could not be counted.
    pub entry_count: Option<u64>,
    /// Bytes of the files.
    pub bytes_written: Option<u64>,
}

impl Store {
    /// Record a snapshot; false where the workspace has one of that name.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub fn insert_snapshot(&self, snapshot: &SnapshotRecord) -> Result<bool, StoreError> {
        self.durably(|transaction| {
            let inserted = transaction.execute(
                "INSERT INTO snapshot (workspace, name, layer, created_at, entry_count, bytes_written)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
                params![
                    snapshot.workspace.to_string(),
                    snapshot.name.as_str(),
                    snapshot.layer.to_string(),
                    snapshot.created_at,
                    snapshot.entry_count,
                    snapshot.bytes_written,
                ],
            )?;
            Ok(inserted == 1)
        })
    }

    /// Forget a snapshot; false where there is none.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub fn delete_snapshot(&self, workspace: Id, name: &SnapshotName) -> Result<bool, StoreError> {
        self.durably(|transaction| {
            let delete = "DELETE FROM snapshot WHERE workspace = ?1 AND name = ?2";
            let deleted = transaction.execute(delete, [&workspace.to_string(), name.as_str()])?;
            Ok(deleted == 1)
        })
    }

    /// One snapshot of a workspace.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub fn snapshot(
        &self,
        workspace: Id,
        name: &SnapshotName,
    ) -> Result<Option<SnapshotRecord>, StoreError> {
        let query = "SELECT * FROM snapshot WHERE workspace = ?1 AND name = ?2";
        let key = [&workspace.to_string(), name.as_str()];
        Ok(self.connection().query_row(query, key, snapshot_of_row).optional()?)
    }

    /// The snapshots of a workspace, the newest first.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub fn snapshots(&self, workspace: Id) -> Result<Vec<SnapshotRecord>, StoreError> {
        let connection = self.connection();
        let mut query = connection.prepare_cached(
            "SELECT * FROM snapshot WHERE workspace = ?1 ORDER BY created_at DESC, rowid DESC",
        )?;
        let rows = query.query_map([workspace.to_string()], snapshot_of_row)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

fn snapshot_of_row(row: &Row<'_>) -> rusqlite::Result<SnapshotRecord> {
    Ok(SnapshotRecord {
        workspace: parsed(row, "workspace", Id::parse)?,
        name: parsed(row, "name", SnapshotName::parse)?,
        layer: parsed(row, "layer", Id::parse)?,
        created_at: row.get("created_at")?,
        entry_count: row.get("entry_count")?,
        bytes_written: row.get("bytes_written")?,
    })
}
