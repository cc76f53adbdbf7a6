//! `workspace_diff`: what changed in a workspace since it was made.

use super::{Describe, answers, parameters, workspace};
use crate::answer;
use crate::grants::Grants;
use crate::refusal::Refusal;
use crate::server::State;
use pyro_core::workspace::diff::report::DiffReport;
use pyro_core::workspace::files::diff::DiffRequest;
use rmcp::RoleServer;
use rmcp::model::{CallToolResult, ToolAnnotations};
use rmcp::service::RequestContext;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Bytes of patches that a result holds: each is in it twice.
const PATCH_LIMIT: usize = 128 * 1024;

/// Changed paths that a result names.
const ENTRY_LIMIT: usize = 500;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WorkspaceDiff {
    /// From workspace_create or workspace_list
    workspace_id: String,
    /// Only at or below this
    #[serde(default)]
    path: Option<String>,
    /// Without patches
    #[serde(default)]
    stat: bool,
    /// Tell moved files as renames
    #[serde(default)]
    find_renames: bool,
    /// Also new files that .gitignore names
    #[serde(default)]
    include_ignored: bool,
}

impl Describe for WorkspaceDiff {
    const NAME: &'static str = "workspace_diff";
    const TITLE: &'static str = "See what changed in a workspace";
    const DESCRIPTION: &'static str = "Compare /workspace with its baseline (what workspace_create made of it): each changed file, and a git patch that workspace_patch_apply and git apply take.";
    type Answer = answers::Differences;

    fn annotations(_: &Grants) -> ToolAnnotations {
        super::looks()
    }

    async fn call(self, state: Arc<State>, context: RequestContext<RoleServer>) -> Result<CallToolResult, Refusal> {
        let id = parameters::workspace_id(&self.workspace_id)?;
        let path = self.path.as_deref().map(parameters::place).transpose()?;
        let request = DiffRequest { path, renames: self.find_renames, include_ignored: self.include_ignored };
        let report = workspace::work(&state, &context, id, "comparing", move |pyro, cancel| async move {
            pyro.diff_workspace(id, &request, &cancel).await
        });
        answer::object(&Told::of(report.await?, self.stat))
    }
}

/// A diff as long as a model may want to read.
#[derive(Debug, Serialize)]
struct Told {
    #[serde(flatten)]
    report: DiffReport,
    /// What is left out, and where it is to be had.
    #[serde(skip_serializing_if = "Option::is_none")]
    left_out: Option<String>,
}

impl Told {
    fn of(mut report: DiffReport, stat: bool) -> Self {
        let mut left_out = Vec::new();
        if report.entries.len() > ENTRY_LIMIT {
            left_out.push(format!("{} further paths", report.entries.len() - ENTRY_LIMIT));
            report.entries.truncate(ENTRY_LIMIT);
        }
        report.not_in_patch.truncate(ENTRY_LIMIT);
        if stat || report.patch.len() > PATCH_LIMIT {
            if !stat {
                left_out.push(format!("the patch of {} bytes", report.patch.len()));
            }
            report.patch.clear();
            report.patch_complete = !report.changed;
            report.entries.iter_mut().for_each(|entry| entry.text_patch = None);
        }
        let told = format!("{}: ask for one path, or take workspace_export with format patch", left_out.join(" and "));
        Self { report, left_out: (!left_out.is_empty()).then_some(told) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pyro_core::id::Id;
    use pyro_core::workspace::diff::DiffBuilder;
    use pyro_core::workspace::diff::DiffOptions;

    fn report(patch: usize) -> DiffReport {
        let diff = DiffBuilder::new(DiffOptions::default()).finish();
        let nothing = DiffReport::new(Id::parse("0123456789ab").unwrap(), &diff);
        DiffReport { changed: true, patch: "x".repeat(patch), ..nothing }
    }

    #[test]
    fn a_patch_too_long_to_read_is_left_out_and_said_to_be() {
        let whole = Told::of(report(PATCH_LIMIT), false);
        assert!(whole.left_out.is_none() && whole.report.patch.len() == PATCH_LIMIT && whole.report.patch_complete);
        let cut = Told::of(report(PATCH_LIMIT + 1), false);
        assert!(cut.left_out.unwrap().starts_with("the patch of 131073 bytes: ask for one path"));
        assert!(cut.report.patch.is_empty() && !cut.report.patch_complete);
        let stat = Told::of(report(10), true);
        assert!(stat.left_out.is_none() && stat.report.patch.is_empty() && !stat.report.patch_complete);
    }
}
