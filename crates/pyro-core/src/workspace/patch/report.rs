//! The fields of a patch's result, as `workspace_patch_apply` names them.

use super::resolve::Resolution;
use crate::id::Id;
use crate::workspace::git::quote;
use pyro_protocol::TreePath;
use serde::Serialize;

/// What happened to a path; a rename is a deletion and an addition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PatchStatus {
    /// It was not there.
    Added,
    /// Its content, its mode or its kind changed.
    Modified,
    /// It is gone.
    Deleted,
}

/// What `workspace_patch_apply` answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PatchReport {
    /// The workspace.
    pub workspace_id: Id,
    /// Whether any file was touched.
    pub changed: bool,
    /// The counts.
    pub summary: PatchSummary,
    /// The touched paths, sorted.
    pub entries: Vec<PatchReportEntry>,
    /// Submodules that the patch names: they are skipped.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<String>,
    /// The patch that was applied.
    pub patch: String,
    /// Where it ran.
    pub execution_mode: String,
}

/// How many paths were touched, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PatchSummary {
    /// All.
    pub total: usize,
    /// That were not there.
    pub added: usize,
    /// That changed.
    pub modified: usize,
    /// That are gone.
    pub deleted: usize,
}

/// One touched path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PatchReportEntry {
    /// Absolute, below `/workspace`; quoted as git quotes it when it is not UTF-8.
    pub path: String,
    /// What happened.
    pub status: PatchStatus,
}

impl PatchReport {
    /// The result for a workspace.
    #[must_use]
    pub fn new(
        workspace_id: Id,
        resolution: &Resolution,
        submodules: &[TreePath],
        patch: String,
        execution_mode: String,
    ) -> Self {
        let entry = |(path, status): &(TreePath, PatchStatus)| PatchReportEntry {
            path: absolute(path.as_bytes()),
            status: *status,
        };
        let entries: Vec<_> = resolution.outcomes.iter().map(entry).collect();
        let count = |status| entries.iter().filter(|entry| entry.status == status).count();
        let summary = PatchSummary {
            total: entries.len(),
            added: count(PatchStatus::Added),
            modified: count(PatchStatus::Modified),
            deleted: count(PatchStatus::Deleted),
        };
        let skipped = submodules.iter().map(|path| absolute(path.as_bytes())).collect();
        Self { workspace_id, changed: !entries.is_empty(), summary, entries, skipped, patch, execution_mode }
    }
}

fn absolute(path: &[u8]) -> String {
    quote::text(&[b"/workspace/", path].concat())
}
