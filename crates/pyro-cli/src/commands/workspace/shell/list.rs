//! `pyro workspace shell list`: the shells of a workspace.

use super::super::Noun;
use super::super::call::{id, to_its_end};
use super::line;
use crate::cli::workspace_shell::Of;
use crate::printer;

pub(super) fn run(args: &Of) -> i32 {
    to_its_end(Noun::Workspace, args.json, async |pyro| {
        let list = pyro.list_shells(id(&args.workspace_id)?).await?;
        if args.json {
            printer::json(&list);
        } else if list.shells.is_empty() {
            printer::data("No shells.");
        } else {
            let lines: Vec<String> = list.shells.iter().map(line::told).collect();
            printer::data(&lines.join("\n"));
        }
        Ok(())
    })
}
