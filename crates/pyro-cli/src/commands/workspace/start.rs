//! `pyro workspace start`: a stopped workspace runs again.

use super::call::{id, until_interrupted};
use super::{Noun, summary};
use crate::cli::workspace::One;

pub(super) fn run(args: &One) -> i32 {
    until_interrupted(Noun::Workspace, args.json, async |pyro, cancel| {
        let workspace = pyro.start_workspace(id(&args.workspace_id)?, cancel).await?;
        if args.json {
            Noun::Workspace.json(&workspace);
        } else {
            summary::show("Started workspace ID", &workspace);
        }
        Ok(())
    })
}
