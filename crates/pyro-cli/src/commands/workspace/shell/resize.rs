//! `pyro workspace shell resize`: another size for a shell's terminal.

use super::super::Noun;
use super::super::call::{id, to_its_end};
use super::line;
use crate::cli::workspace_shell::Resize;
use crate::printer;
use pyro_core::limits;

pub(super) fn run(args: &Resize) -> i32 {
    let one = &args.shell;
    to_its_end(Noun::Workspace, one.json, async |pyro| {
        let (workspace, shell) = (id(&one.workspace_id)?, id(&one.shell_id)?);
        let size = limits::terminal_size(args.cols, args.rows)?;
        let resized = pyro.resize_shell(workspace, shell, size).await?;
        if one.json {
            printer::json(&resized);
        } else {
            line::tell("resize", &resized);
        }
        Ok(())
    })
}
