//! `pyro workspace delete`: nothing of it is left.

use super::Noun;
use super::call::{id, to_its_end};
use crate::cli::workspace::One;
use crate::printer;

pub(in crate::commands) fn run(args: &One, noun: Noun) -> i32 {
    to_its_end(noun, args.json, async |pyro| {
        let deleted = pyro.delete_workspace(id(&args.workspace_id)?).await?;
        if args.json {
            noun.json(&deleted);
        } else {
            printer::data(&format!("Deleted {}: {}", noun.word(), deleted.workspace_id));
        }
        Ok(())
    })
}
