//! The fields of a diff's result, as `workspace_diff` names them.

use super::hidden::Hidden;
use crate::id::Id;
use pyro_patch::ArtifactType;
use pyro_patch::diff::{Diff, Entry, Form, Status};
use pyro_patch::git::quote;
use serde::Serialize;

/// What `workspace_diff` answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DiffReport {
    /// The workspace.
    pub workspace_id: Id,
    /// Whether anything differs.
    pub changed: bool,
    /// The counts.
    pub summary: DiffSummary,
    /// The changed paths, sorted.
    pub entries: Vec<DiffReportEntry>,
    /// The whole patch, which `git apply` takes.
    pub patch: String,
    /// Whether the patch carries every changed file.
    pub patch_complete: bool,
    /// The changed files that the patch lacks: they are too large for it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_in_patch: Vec<String>,
    /// Files that are left out because the workspace's rules ignore them.
    #[serde(skip_serializing_if = "is_none")]
    pub ignored: u64,
    /// The first ten of them; of an ignored directory only its own path, with a slash at the end.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignored_paths: Vec<String>,
}

/// How many paths changed, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DiffSummary {
    /// All.
    pub total: usize,
    /// That were not there.
    pub added: usize,
    /// Whose content or execute bit changed.
    pub modified: usize,
    /// That are gone.
    pub deleted: usize,
    /// That became another kind of thing.
    pub type_changed: usize,
    /// That were renamed; there only where renames are asked for.
    #[serde(skip_serializing_if = "is_zero")]
    pub renamed: usize,
    /// With a text patch.
    pub text_patched: usize,
    /// Without one.
    pub non_text: usize,
}

/// One changed path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DiffReportEntry {
    /// Relative to `/workspace`; quoted as git quotes it when it is not UTF-8.
    pub path: String,
    /// Where it was, when it was renamed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old_path: Option<String>,
    /// What happened.
    pub status: Status,
    /// What it is, or was.
    pub artifact_type: ArtifactType,
    /// Its part of the patch where that is text.
    pub text_patch: Option<String>,
    /// How the patch carries it.
    pub patch_form: Form,
    /// Lines that were added.
    pub added_lines: usize,
    /// Lines that were deleted.
    pub deleted_lines: usize,
    /// git's mode before.
    pub old_mode: Option<String>,
    /// git's mode now.
    pub new_mode: Option<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_none(count: &u64) -> bool {
    *count == 0
}

impl DiffReport {
    /// The result for a workspace.
    pub(super) fn new(workspace_id: Id, diff: &Diff, hidden: &Hidden) -> Self {
        let entries: Vec<_> = diff.entries.iter().map(DiffReportEntry::new).collect();
        Self {
            workspace_id,
            changed: !entries.is_empty(),
            summary: DiffSummary::of(&entries),
            entries,
            patch: diff.patch(),
            patch_complete: diff.is_complete(),
            not_in_patch: diff.left_out().map(|entry| quote::text(entry.path.as_bytes())).collect(),
            ignored: hidden.count,
            ignored_paths: hidden.paths.clone(),
        }
    }
}

impl DiffSummary {
    fn of(entries: &[DiffReportEntry]) -> Self {
        let count = |status| entries.iter().filter(|entry| entry.status == status).count();
        let text_patched = entries.iter().filter(|entry| entry.text_patch.is_some()).count();
        Self {
            total: entries.len(),
            added: count(Status::Added),
            modified: count(Status::Modified),
            deleted: count(Status::Deleted),
            type_changed: count(Status::TypeChanged),
            renamed: count(Status::Renamed),
            text_patched,
            non_text: entries.len() - text_patched,
        }
    }
}

impl DiffReportEntry {
    fn new(entry: &Entry) -> Self {
        Self {
            path: quote::text(entry.path.as_bytes()),
            old_path: entry.old_path.as_ref().map(|path| quote::text(path.as_bytes())),
            status: entry.status,
            artifact_type: entry.artifact,
            text_patch: entry.text_patch().map(str::to_owned),
            patch_form: entry.form,
            added_lines: entry.added_lines,
            deleted_lines: entry.deleted_lines,
            old_mode: entry.old_mode.map(|mode| mode.to_string()),
            new_mode: entry.new_mode.map(|mode| mode.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{DiffReport, Hidden};
    use crate::id::Id;
    use pyro_patch::Side;
    use pyro_patch::diff::{DiffBuilder, DiffOptions};
    use pyro_protocol::TreePath;

    #[test]
    fn the_result_has_the_names_of_the_contract() {
        let mut builder = DiffBuilder::new(DiffOptions::default());
        builder.push(&TreePath::parse(b"bin").unwrap(), None, Some(&Side::file(0o644, vec![0])));
        builder.push(
            &TreePath::parse(b"a").unwrap(),
            Some(&Side::symlink("x")),
            Some(&Side::Directory),
        );
        let report = DiffReport::new(
            Id::parse("0123456789ab").unwrap(),
            &builder.finish(),
            &Hidden::default(),
        );
        insta::assert_json_snapshot!(report);
    }
}
