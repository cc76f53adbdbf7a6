//! `pyro workspace stop`: a workspace runs no longer and keeps its disk.

use super::call::{id, to_its_end};
use super::{Noun, summary};
use crate::cli::workspace::One;

pub(super) fn run(args: &One) -> i32 {
    to_its_end(Noun::Workspace, args.json, async |pyro| {
        let workspace = pyro.stop_workspace(id(&args.workspace_id)?).await?;
        if args.json {
            Noun::Workspace.json(&workspace);
        } else {
            summary::show("Stopped workspace ID", &workspace);
        }
        Ok(())
    })
}
