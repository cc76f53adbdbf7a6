//! `pyro workspace export`: a file, a tree or the changes of a workspace, on the host.

use super::super::runtime::on_host;
use super::call::{id, path, until_interrupted};
use super::{Noun, left_out};
use crate::cli::workspace_files::{Export, Format};
use crate::exit;
use crate::printer;
use pyro_core::{ExportFormat, ExportRequest, WorkspaceExport, printable};

pub(super) fn run(args: Export) -> i32 {
    let mut lacks_files = false;
    let status = until_interrupted(Noun::Workspace, args.json, async |pyro, cancel| {
        let request = ExportRequest {
            path: path(&args.path)?,
            output: on_host(&args.output).into(),
            force: args.force,
            kept: std::env::home_dir().into_iter().chain(std::env::current_dir()).collect(),
            format: match args.format {
                Format::Dir => ExportFormat::Directory,
                Format::Tar => ExportFormat::Tar,
                Format::Patch => ExportFormat::Patch,
            },
            renames: args.find_renames,
            include_ignored: args.include_ignored,
            redact: args.redact,
            keep_git_config: args.keep_git_config,
        };
        let exported = pyro.export_workspace(id(&args.workspace_id)?, request, cancel).await?;
        lacks_files = exported.format == "patch" && !exported.left_out.is_empty();
        if args.json {
            printer::json(&exported);
            tell_of_git(&exported);
            return Ok(());
        }
        printer::data(&line(&exported));
        if let Some(count) = exported.ignored {
            let words = super::diff::ignored("workspace-export", count, &exported.ignored_paths);
            printer::talk(&words);
        }
        left_out::say("workspace-export", &exported.left_out, exported.left_out_count);
        tell_of_git(&exported);
        Ok(())
    });
    if status == exit::OK && lacks_files { exit::FAILED } else { status }
}

/// Name the flag that lets git's settings and hooks pass. Core does not: models have no such
/// parameter.
fn tell_of_git(exported: &WorkspaceExport) {
    if exported.is_git_guarded {
        printer::talk("hint: --keep-git-config exports git settings and hooks as they are");
    }
}

fn line(exported: &WorkspaceExport) -> String {
    let text = format!(
        "[workspace-export] workspace_id={} workspace_path={} output_path={} artifact_type={} entry_count={} \
         bytes_written={} execution_mode={}",
        exported.workspace_id,
        exported.workspace_path,
        exported.output_path,
        exported.artifact_type,
        exported.entry_count,
        exported.bytes_written,
        exported.execution_mode
    );
    printable(text.as_bytes())
}
