//! `pyro workspace diff`: what changed since the workspace was made, or between two snapshots.

use super::Noun;
use super::call::{id, path, until_interrupted};
use crate::cli::workspace_files::Diff;
use crate::exit;
use crate::printer;
use pyro_core::{DiffReport, DiffRequest, Pyro, printable};

pub(super) fn run(args: &Diff) -> i32 {
    let mut lacks_files = false;
    let status = until_interrupted(Noun::Workspace, args.json, async |pyro, cancel| {
        let request = DiffRequest {
            from: Pyro::diff_point(&args.from)?,
            to: Pyro::diff_point(&args.to)?,
            path: args.path.as_deref().map(path).transpose()?,
            renames: args.find_renames,
            include_ignored: args.include_ignored,
            redact: args.redact,
        };
        let report = pyro.diff_workspace(id(&args.workspace_id)?, request, cancel).await?;
        match (args.json, args.patch, args.stat) {
            (true, _, _) => printer::json(&report),
            (_, true, _) => printer::content(report.patch.as_bytes()),
            _ if !report.changed => printer::data("No workspace changes."),
            (_, _, true) => printer::data(&stat(&report)),
            _ => {
                printer::data(&line(&report));
                printer::content(report.patch.as_bytes());
            }
        }
        if !args.json && !args.stat {
            for path in &report.not_in_patch {
                let text = format!("[workspace-diff] {path}: left out: too large for a patch")
                    .replace('\n', "\\n");
                printer::talk(&printable(text.as_bytes()));
            }
        }
        if !args.json && report.ignored > 0 {
            printer::talk(&ignored("workspace-diff", report.ignored, &report.ignored_paths));
        }
        lacks_files = args.patch && !report.patch_complete;
        Ok(())
    });
    // Whoever takes the patch must know that files are missing.
    if status == exit::OK && lacks_files { exit::FAILED } else { status }
}

/// What the command `topic` says of changed files that it does not show.
pub(super) fn ignored(topic: &str, count: u64, paths: &[String]) -> String {
    let files =
        if count == 1 { "1 ignored file is" } else { &format!("{count} ignored files are") };
    let more = if count > paths.len() as u64 && paths.iter().all(|path| !path.ends_with('/')) {
        ", ..."
    } else {
        ""
    };
    let names = printable(paths.join(", ").replace('\n', "\\n").as_bytes());
    format!("[{topic}] {files} left out ({names}{more}); --include-ignored shows them")
}

fn line(report: &DiffReport) -> String {
    let summary = &report.summary;
    let renamed =
        if summary.renamed > 0 { format!(" renamed={}", summary.renamed) } else { String::new() };
    format!(
        "[workspace-diff] workspace_id={} total={} added={} modified={} deleted={} type_changed={} text_patched={} \
         non_text={}{renamed}",
        report.workspace_id,
        summary.total,
        summary.added,
        summary.modified,
        summary.deleted,
        summary.type_changed,
        summary.text_patched,
        summary.non_text
    )
}

fn stat(report: &DiffReport) -> String {
    let mut lines = Vec::new();
    for entry in &report.entries {
        let from = entry.old_path.as_ref().map(|old| format!("{old} => ")).unwrap_or_default();
        let path = printable(format!("{from}{}", entry.path).replace('\n', "\\n").as_bytes());
        lines.push(format!(" {path} | +{} -{}", entry.added_lines, entry.deleted_lines));
    }
    let added: usize = report.entries.iter().map(|entry| entry.added_lines).sum();
    let deleted: usize = report.entries.iter().map(|entry| entry.deleted_lines).sum();
    lines.push(format!(
        " {} files changed, {added} insertions(+), {deleted} deletions(-)",
        report.entries.len()
    ));
    lines.join("\n")
}
