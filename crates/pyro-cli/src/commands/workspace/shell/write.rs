//! `pyro workspace shell write`: input for a shell.

use super::super::Noun;
use super::super::call::{id, to_its_end};
use super::line;
use crate::cli::workspace_shell::Write;
use crate::printer;

pub(super) fn run(args: &Write) -> i32 {
    let one = &args.shell;
    to_its_end(Noun::Workspace, one.json, async |pyro| {
        let (workspace, shell) = (id(&one.workspace_id)?, id(&one.shell_id)?);
        let written =
            pyro.write_shell(workspace, shell, args.input.clone(), !args.no_newline).await?;
        if one.json {
            printer::json(&written);
        } else {
            line::tell("write", &written.shell);
        }
        Ok(())
    })
}
