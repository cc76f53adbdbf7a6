//! `pyro workspace service list`: the services of a workspace.

use super::super::Noun;
use super::super::call::{id, to_its_end};
use super::line;
use crate::cli::workspace_service::Of;
use crate::printer;

pub(super) fn run(args: &Of) -> i32 {
    to_its_end(Noun::Workspace, args.json, async |pyro| {
        let list = pyro.list_services(id(&args.workspace_id)?).await?;
        if args.json {
            printer::json(&list);
        } else if list.services.is_empty() {
            printer::data("No workspace services found.");
        } else {
            let lines: Vec<String> = list.services.iter().map(line::listed).collect();
            printer::data(&lines.join("\n"));
        }
        Ok(())
    })
}
