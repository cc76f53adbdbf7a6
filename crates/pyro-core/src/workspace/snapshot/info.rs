//! What surfaces tell of snapshots: one shape for the command line, MCP and Python.

use crate::execution_mode::ExecutionMode;
use crate::id::Id;
use crate::snapshot_name::BASELINE;
use crate::store::snapshot::SnapshotRecord;
use crate::store::workspace::WorkspaceRecord;
use crate::timestamp::Timestamp;
use serde::Serialize;

/// A snapshot.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SnapshotInfo {
    /// The workspace that it was taken of.
    pub workspace_id: Id,
    /// What it is called.
    pub snapshot_name: String,
    /// `baseline` or `named`.
    pub kind: &'static str,
    /// Seconds since 1970.
    pub created_at: Timestamp,
    /// Files, directories and links of `/workspace`; null where they could not be counted.
    pub entry_count: Option<u64>,
    /// Bytes of the files.
    pub bytes_written: Option<u64>,
    /// Whether it can be deleted, which the baseline cannot.
    pub deletable: bool,
}

/// A snapshot that was taken.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SnapshotCreated {
    /// The workspace.
    pub workspace_id: Id,
    /// The snapshot.
    pub snapshot: SnapshotInfo,
    /// What runs the workspace.
    pub execution_mode: ExecutionMode,
    /// How long the workspace's writes were held, in milliseconds; 0 where it does not run.
    pub held_ms: u64,
}

/// The snapshots of a workspace.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SnapshotList {
    /// The workspace.
    pub workspace_id: Id,
    /// How many, the baseline included.
    pub count: usize,
    /// The baseline, then the others, the newest first.
    pub snapshots: Vec<SnapshotInfo>,
}

/// That a snapshot is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SnapshotDeleted {
    /// The workspace.
    pub workspace_id: Id,
    /// The snapshot that was.
    pub snapshot_name: String,
    /// Always true.
    pub deleted: bool,
}

impl SnapshotInfo {
    /// The baseline of a workspace: what it was seeded with.
    #[must_use]
    pub(super) fn baseline(workspace: &WorkspaceRecord) -> Self {
        Self {
            workspace_id: workspace.id,
            snapshot_name: BASELINE.to_owned(),
            kind: BASELINE,
            created_at: workspace.created_at,
            entry_count: Some(workspace.seed.entry_count),
            bytes_written: Some(workspace.seed.bytes_written),
            deletable: false,
        }
    }
}

impl From<SnapshotRecord> for SnapshotInfo {
    fn from(snapshot: SnapshotRecord) -> Self {
        Self {
            workspace_id: snapshot.workspace,
            snapshot_name: snapshot.name.to_string(),
            kind: "named",
            created_at: snapshot.created_at,
            entry_count: snapshot.entry_count,
            bytes_written: snapshot.bytes_written,
            deletable: true,
        }
    }
}
