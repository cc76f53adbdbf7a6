//! `pyro workspace status`: what a workspace is at.

use super::call::{id, to_its_end};
use super::{Noun, summary};
use crate::cli::workspace::One;

pub(in crate::commands) fn run(args: &One, noun: Noun) -> i32 {
    to_its_end(noun, args.json, async |pyro| {
        let workspace = pyro.status_workspace(id(&args.workspace_id)?).await?;
        if args.json {
            noun.json(&workspace);
        } else {
            summary::show(noun.heading(), &workspace);
        }
        Ok(())
    })
}
