//! `pyro workspace shell close`: the end of a shell.

use super::super::Noun;
use super::super::call::{id, to_its_end};
use super::line;
use crate::cli::workspace_shell::One;
use crate::printer;

pub(super) fn run(args: &One) -> i32 {
    to_its_end(Noun::Workspace, args.json, async |pyro| {
        let closed = pyro.close_shell(id(&args.workspace_id)?, id(&args.shell_id)?).await?;
        if args.json {
            printer::json(&closed);
        } else {
            line::tell("close", &closed.shell);
        }
        Ok(())
    })
}
