//! `pyro workspace reset`: a workspace's disk as it was at first, or at a snapshot.

use super::call::{id, until_interrupted};
use super::snapshot::counts;
use super::{Noun, summary};
use crate::cli::workspace::Reset;
use crate::printer;
use pyro_core::Pyro;

pub(super) fn run(args: &Reset) -> i32 {
    until_interrupted(Noun::Workspace, args.json, async |pyro, cancel| {
        let to = Pyro::snapshot(&args.snapshot)?;
        let reset = pyro.reset_workspace(id(&args.workspace_id)?, to, cancel).await?;
        if args.json {
            Noun::Workspace.json(&reset);
            return Ok(());
        }
        summary::show("Reset workspace ID", &reset.workspace);
        let to = &reset.workspace_reset;
        printer::data(&format!("Reset source: {} ({})", to.snapshot_name, to.kind));
        printer::data(&format!(
            "Reset restore: destination={} {}",
            to.destination,
            counts(to.entry_count, to.bytes_written)
        ));
        Ok(())
    })
}
