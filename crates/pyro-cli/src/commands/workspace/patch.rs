//! `pyro workspace patch apply`: a patch, all of it or nothing.

use super::Noun;
use super::call::{given, id, until_interrupted};
use crate::cli::workspace_files::{Apply, Patch};
use crate::printer;
use pyro_core::printable;

pub(super) fn run(command: Patch) -> i32 {
    match command {
        Patch::Apply(args) => apply(&args),
    }
}

fn apply(args: &Apply) -> i32 {
    until_interrupted(Noun::Workspace, args.json, async |pyro, cancel| {
        let patch = given(args.patch.as_deref(), args.patch_file.as_deref())?;
        let id = id(&args.workspace_id)?;
        let applied = pyro.apply_workspace_patch(id, patch, cancel).await?;
        if args.json {
            printer::json(&applied);
        } else {
            let summary = applied.summary;
            printer::data(&format!(
                "[workspace-patch] workspace_id={id} total={} added={} modified={} deleted={} execution_mode={}",
                summary.total,
                summary.added,
                summary.modified,
                summary.deleted,
                applied.execution_mode
            ));
            for path in &applied.skipped {
                let text = format!("[workspace-patch] {path}: skipped: it is a submodule")
                    .replace('\n', "\\n");
                printer::talk(&printable(text.as_bytes()));
            }
        }
        Ok(())
    })
}
