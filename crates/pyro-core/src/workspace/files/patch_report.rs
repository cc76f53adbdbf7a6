//! The fields of a patch's result, as `workspace_patch_apply` names them.

use crate::execution_mode::ExecutionMode;
use crate::id::Id;
use pyro_patch::git::quote;
use pyro_patch::patch::{PatchStatus, Resolution};
use pyro_protocol::TreePath;
use serde::Serialize;

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
    pub execution_mode: ExecutionMode,
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
    pub(super) fn new(
        workspace_id: Id,
        resolution: &Resolution,
        submodules: &[TreePath],
        patch: String,
        execution_mode: ExecutionMode,
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
        Self {
            workspace_id,
            changed: !entries.is_empty(),
            summary,
            entries,
            skipped,
            patch,
            execution_mode,
        }
    }
}

fn absolute(path: &[u8]) -> String {
    quote::text(&[b"/workspace/", path].concat())
}

#[cfg(test)]
mod tests {
    use super::{ExecutionMode, PatchReport, PatchStatus};
    use crate::id::Id;
    use pyro_patch::patch::PatchLimits;
    use pyro_patch::patch::parse;
    use pyro_patch::patch::resolve;
    use std::collections::BTreeMap;

    #[test]
    fn the_result_has_the_names_of_the_contract() {
        let text = "diff --git a/x b/x\nnew file mode 100644\n";
        let patch = parse(text.as_bytes(), &PatchLimits::default()).unwrap();
        let resolution = resolve(&patch, &BTreeMap::new()).unwrap();
        assert_eq!(resolution.outcomes[0].1, PatchStatus::Added);
        let id = Id::parse("0123456789ab").unwrap();
        let report = PatchReport::new(
            id,
            &resolution,
            &patch.submodules,
            text.to_owned(),
            ExecutionMode::GuestTcg,
        );
        insta::assert_json_snapshot!(report);
    }
}
