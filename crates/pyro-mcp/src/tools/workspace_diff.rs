//! `workspace_diff`: what changed in a workspace since it was made, or between two snapshots.

use super::describe::Describe;
use super::{annotations, answers, parameters, workspace};
use crate::answer;
use crate::bounds::{self, FIELDS, STRUCTURED, count, shortened, text_length};
use crate::grants::Grants;
use crate::refusal::Refusal;
use crate::state::State;
use pyro_core::{DiffReport, DiffRequest, Pyro};
use rmcp::RoleServer;
use rmcp::model::{CallToolResult, ToolAnnotations};
use rmcp::service::RequestContext;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Deserialize, JsonSchema)]
pub(super) struct WorkspaceDiff {
    workspace_id: String,
    /// Only at or below this
    #[serde(default)]
    path: Option<String>,
    #[serde(default = "parameters::baseline")]
    from: String,
    #[serde(default = "parameters::now")]
    to: String,
    /// Without patches
    #[serde(default)]
    stat: bool,
    /// Report moved files as renames
    #[serde(default)]
    find_renames: bool,
    /// Also ignored files
    #[serde(default)]
    include_ignored: bool,
    /// Without secrets
    #[serde(default)]
    redact: bool,
    #[serde(default = "parameters::output_bytes")]
    #[schemars(schema_with = "parameters::output")]
    max_output_bytes: u32,
}

impl Describe for WorkspaceDiff {
    const NAME: &'static str = "workspace_diff";
    const TITLE: &'static str = "See what changed in a workspace";
    const DESCRIPTION: &'static str = "Compare /workspace with its baseline (what workspace_create made of it): each changed file, and a patch that git apply takes.";
    type Answer = answers::Differences;

    fn annotations(_: &Grants) -> ToolAnnotations {
        annotations::looks()
    }

    async fn call(
        self,
        state: Arc<State>,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, Refusal> {
        let id = parameters::workspace_id(&self.workspace_id)?;
        let path = self.path.as_deref().map(parameters::place).transpose()?;
        let request = DiffRequest {
            from: Pyro::diff_point(&self.from)?,
            to: Pyro::diff_point(&self.to)?,
            path,
            renames: self.find_renames,
            include_ignored: self.include_ignored,
            redact: self.redact,
        };
        let report =
            workspace::work(&state, &context, id, "comparing", move |pyro, cancel| async move {
                pyro.diff_workspace(id, request, &cancel).await
            });
        let limit = usize::try_from(self.max_output_bytes).unwrap_or(usize::MAX);
        answer::object(&Told::of(report.await?, self.stat, limit))
    }
}

/// Names of files that a patch lacks, at most.
const NOT_IN_PATCH: usize = 20;

/// A diff as long as a model may want to read.
#[derive(Debug, Serialize)]
struct Told {
    #[serde(flatten)]
    report: DiffReport,
    /// How many files the patch lacks, where not all are named.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_in_patch_count: Option<usize>,
    /// What is left out, and where it is to be had.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

impl Told {
    /// `limit` is what the result's text may have.
    fn of(mut report: DiffReport, stat: bool, limit: usize) -> Self {
        let room = limit.saturating_sub(FIELDS);
        let mut hint = None;
        let lacks = report.not_in_patch.len();
        report.not_in_patch.truncate(NOT_IN_PATCH);
        let not_in_patch_count = (lacks > NOT_IN_PATCH).then_some(lacks);
        if stat {
            report.patch.clear();
            report.patch_complete = !report.changed;
        } else if text_length(&report.patch) > room {
            // Half for the patches, half for the list of what changed.
            hint = Some(shorten(&mut report, room / 2));
        }
        let patches: usize = report
            .entries
            .iter()
            .filter_map(|entry| entry.text_patch.as_deref())
            .map(text_length)
            .sum();
        if stat
            || hint.is_some()
            || text_length(&report.patch) + patches + 200 * report.entries.len() > STRUCTURED * room
        {
            report.entries.iter_mut().for_each(|entry| entry.text_patch = None);
        }
        Self { report, not_in_patch_count, hint }
    }
}

/// Leave the first files' patches in, as many as fit; of the first one, where even that does not
/// fit, head and tail.
fn shorten(report: &mut DiffReport, room: usize) -> String {
    let files = by_file(&report.patch);
    let bytes = report.patch.len();
    let fits = count(&files, room, |file| text_length(file));
    let kept = shortened(&files[..fits].concat(), room, "");
    let told = format!(
        "the patch has {bytes} bytes and {} files, here are the first {fits}: give a path, or max_output_bytes up to {}, or \
         take workspace_export with format patch",
        files.len(),
        bounds::MOST
    );
    report.patch = kept;
    report.patch_complete = false;
    told
}

/// The patch of each file. No line of a hunk begins like a file's first one.
fn by_file(patch: &str) -> Vec<&str> {
    let mut starts: Vec<usize> = patch.match_indices("diff --git ").map(|(at, _)| at).collect();
    starts.retain(|at| *at == 0 || patch.as_bytes()[at - 1] == b'\n');
    let ends = starts.iter().skip(1).copied().chain([patch.len()]);
    starts.iter().zip(ends).map(|(start, end)| &patch[*start..end]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use pyro_core::{DiffSummary, Id};

    fn report(patch: String) -> DiffReport {
        DiffReport {
            workspace_id: Id::parse("0123456789ab").unwrap(),
            changed: true,
            summary: DiffSummary::default(),
            entries: Vec::new(),
            patch,
            patch_complete: true,
            not_in_patch: Vec::new(),
            ignored: 0,
            ignored_paths: Vec::new(),
        }
    }

    #[test]
    fn files_that_a_patch_lacks_are_counted_where_not_all_are_named() {
        for (lacks, count) in [(0, None), (20, None), (21, Some(21)), (500, Some(500))] {
            let not_in_patch = (0..lacks).map(|at| format!("/workspace/{at}")).collect();
            let told = Told::of(
                DiffReport { not_in_patch, ..report(String::new()) },
                false,
                bounds::DEFAULT,
            );
            assert_eq!(
                (told.report.not_in_patch.len(), told.not_in_patch_count),
                (lacks.min(20), count)
            );
        }
    }

    #[test]
    fn a_patch_too_long_to_read_is_cut_between_files_and_said_to_be() {
        let file = |name: usize, lines: usize| {
            format!("diff --git a/{name} b/{name}\n@@ @@\n{}", "+diff --git \n".repeat(lines))
        };
        let limit = bounds::DEFAULT;
        let short: String = (0..3).map(|name| file(name, 10)).collect();
        let whole = Told::of(report(short.clone()), false, limit);
        assert!(whole.hint.is_none() && whole.report.patch == short && whole.report.patch_complete);
        let long: String = (0..40).map(|name| file(name, 50)).collect();
        let cut = Told::of(report(long.clone()), false, limit);
        let hint = cut.hint.unwrap();
        assert!(
            hint.contains("40 files, here are the first 1") && hint.contains("workspace_export"),
            "{hint}"
        );
        assert!(
            long.starts_with(&cut.report.patch) && cut.report.patch.ends_with("+diff --git \n")
        );
        assert!(
            long[cut.report.patch.len()..].starts_with("diff --git a/1")
                && !cut.report.patch_complete
        );
        let huge = Told::of(report(file(1, 5000) + &file(2, 1)), false, limit);
        assert!(
            huge.report.patch.contains("bytes omitted") && text_length(&huge.report.patch) < limit
        );
        let asked = Told::of(report(long.clone()), false, 1 << 20);
        assert!(asked.hint.is_none() && asked.report.patch == long);
        let stat = Told::of(report(short), true, limit);
        assert!(stat.hint.is_none() && stat.report.patch.is_empty() && !stat.report.patch_complete);
    }
}
