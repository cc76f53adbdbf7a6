//! `pyro workspace file write`: a file, whole or not at all.

use super::super::Noun;
use super::super::call::{given, id, path, to_its_end};
use crate::cli::workspace_files::Write;
use crate::printer;
use pyro_core::printable;

pub(super) fn run(args: &Write) -> i32 {
    to_its_end(Noun::Workspace, args.json, async |pyro| {
        let bytes = given(args.text.as_deref(), args.text_file.as_deref())?;
        let id = id(&args.workspace_id)?;
        let written = pyro.write_workspace_file(id, path(&args.path)?, bytes, args.mode).await?;
        if args.json {
            printer::json(&written);
        } else {
            let line = format!(
                "[workspace-file-write] workspace_id={id} path={} bytes_written={} execution_mode={}",
                written.path, written.bytes_written, written.execution_mode
            );
            printer::data(&printable(line.as_bytes()));
        }
        Ok(())
    })
}
