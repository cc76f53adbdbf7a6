//! `pyro workspace file read`: a part of a file.

use super::super::Noun;
use super::super::call::{id, path, to_its_end};
use super::super::summary::one_line;
use crate::cli::workspace_files::Read;
use crate::printer;
use pyro_core::printable;

pub(super) fn run(args: &Read) -> i32 {
    to_its_end(Noun::Workspace, args.json, async |pyro| {
        let id = id(&args.workspace_id)?;
        let read = pyro
            .read_workspace_file(id, path(&args.path)?, args.offset, args.max_bytes, args.redact)
            .await?;
        if args.json {
            printer::json(&read);
            return Ok(());
        }
        if let Some(real) = &read.real_path {
            printer::talk(&one_line(&format!(
                "[workspace-file-read] {} is a link to {real}",
                read.path
            )));
        }
        printer::content(&read.bytes);
        if args.content_only {
            return Ok(());
        }
        if !read.bytes.ends_with(b"\n") && !read.bytes.is_empty() {
            printer::raw(b"\n");
        }
        let line = format!(
            "[workspace-file-read] workspace_id={id} path={} size_bytes={} truncated={}",
            read.path,
            read.size_bytes,
            if read.truncated { "yes" } else { "no" }
        );
        printer::talk(&printable(line.as_bytes()));
        Ok(())
    })
}
