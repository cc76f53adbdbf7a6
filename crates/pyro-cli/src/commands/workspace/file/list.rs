//! `pyro workspace file list`: a page of files.

use super::super::Noun;
use super::super::call::{id, path, to_its_end};
use super::super::summary::{entry, one_line};
use crate::cli::workspace_files::List;
use crate::printer;
use pyro_core::{FileList, FileListRequest};

pub(super) fn run(args: &List) -> i32 {
    to_its_end(Noun::Workspace, args.json, async |pyro| {
        let request = FileListRequest {
            path: path(&args.path)?,
            recursive: args.recursive,
            after: args.after.as_deref().map(path).transpose()?,
            limit: args.limit,
        };
        let listed = pyro.list_workspace_files(id(&args.workspace_id)?, request).await?;
        if args.json {
            printer::json(&listed);
        } else {
            printer::data(&lines(&listed).join("\n"));
            if let Some(after) = &listed.next_after {
                printer::talk(&one_line(&format!(
                    "[workspace-file-list] there is more: --after '{after}'"
                )));
            }
        }
        Ok(())
    })
}

fn lines(listed: &FileList) -> Vec<String> {
    let recursive = if listed.recursive { "yes" } else { "no" };
    let mut lines =
        vec![one_line(&format!("Workspace path: {} (recursive={recursive})", listed.path))];
    if listed.entries.is_empty() {
        lines.push("No workspace entries found.".to_owned());
    }
    lines.extend(listed.entries.iter().map(entry));
    lines
}
