//! `pyro workspace update`: another name, other labels, another lifetime.

use super::call::{id, to_its_end};
use super::{Noun, summary};
use crate::cli::workspace::Update;
use pyro_core::UpdateRequest;
use pyro_core::limits::lifetime;

pub(super) fn run(args: Update) -> i32 {
    let as_json = args.json;
    to_its_end(Noun::Workspace, as_json, async |pyro| {
        let id = id(&args.workspace_id)?;
        let request = UpdateRequest {
            name: args.name,
            clear_name: args.clear_name,
            labels: args.label.into_iter().collect(),
            clear_labels: args.clear_label,
            ttl_seconds: args.ttl_seconds.map(lifetime).transpose()?,
        };
        let workspace = pyro.update_workspace(id, request).await?;
        if as_json {
            Noun::Workspace.json(&workspace);
        } else {
            summary::show(Noun::Workspace.heading(), &workspace);
        }
        Ok(())
    })
}
