//! `pyro workspace fork`: new workspaces from the present disk of one.

use super::Noun;
use super::call::{id, until_interrupted};
use crate::cli::workspace::Fork;
use crate::printer;
use pyro_core::WorkspaceForks;

pub(super) fn run(args: &Fork) -> i32 {
    until_interrupted(Noun::Workspace, args.json, async |pyro, cancel| {
        let id = id(&args.workspace_id)?;
        let forks = pyro.fork_workspace(id, args.count, args.name.clone(), cancel).await?;
        if args.json {
            Noun::Workspace.json(&forks);
        } else if args.id_only {
            printer::data(&lines(&forks, |id| id));
        } else {
            printer::data(&lines(&forks, |id| format!("Forked workspace ID: {id}")));
            printer::talk(&format!(
                "[workspace-fork] workspace_id={id} count={} held_ms={}",
                forks.count, forks.held_ms
            ));
        }
        Ok(())
    })
}

fn lines(forks: &WorkspaceForks, line: impl Fn(String) -> String) -> String {
    forks
        .workspaces
        .iter()
        .map(|fork| line(fork.workspace_id.to_string()))
        .collect::<Vec<_>>()
        .join("\n")
}
