//! `pyro workspace snapshot`: the whole disk of a workspace at one moment, under a name.

use super::Noun;
use super::call::{id, to_its_end, until_interrupted};
use crate::cli::workspace_snapshot::{Named, One, Snapshot};
use crate::printer;
use pyro_core::{Pyro, SnapshotInfo};

pub(super) fn run(command: Snapshot) -> i32 {
    match command {
        Snapshot::Create(args) => create(&args),
        Snapshot::List(args) => list(&args),
        Snapshot::Delete(args) => delete(&args),
    }
}

fn create(args: &Named) -> i32 {
    until_interrupted(Noun::Workspace, args.json, async |pyro, cancel| {
        let name = Pyro::snapshot_name(&args.snapshot_name)?;
        let created = pyro.create_snapshot(id(&args.workspace_id)?, name, cancel).await?;
        if args.json {
            printer::json(&created);
        } else {
            let snapshot = &created.snapshot;
            printer::data(&format!(
                "[workspace-snapshot-create] workspace_id={} snapshot_name={} kind={} {}",
                created.workspace_id,
                snapshot.snapshot_name,
                snapshot.kind,
                counts(snapshot.entry_count, snapshot.bytes_written)
            ));
        }
        Ok(())
    })
}

fn list(args: &One) -> i32 {
    to_its_end(Noun::Workspace, args.json, async |pyro| {
        let list = pyro.list_snapshots(id(&args.workspace_id)?).await?;
        if args.json {
            printer::json(&list);
        } else {
            printer::data(&list.snapshots.iter().map(line).collect::<Vec<_>>().join("\n"));
        }
        Ok(())
    })
}

fn delete(args: &Named) -> i32 {
    to_its_end(Noun::Workspace, args.json, async |pyro| {
        let name = Pyro::snapshot_name(&args.snapshot_name)?;
        let deleted = pyro.delete_snapshot(id(&args.workspace_id)?, name).await?;
        if args.json {
            printer::json(&deleted);
        } else {
            printer::data(&format!("Deleted workspace snapshot: {}", deleted.snapshot_name));
        }
        Ok(())
    })
}

fn line(snapshot: &SnapshotInfo) -> String {
    format!(
        "{} [{}] {} deletable={}",
        snapshot.snapshot_name,
        snapshot.kind,
        counts(snapshot.entry_count, snapshot.bytes_written),
        if snapshot.deletable { "yes" } else { "no" }
    )
}

/// The counts of a snapshot; a number that is not known is a question mark.
pub(super) fn counts(entry_count: Option<u64>, bytes_written: Option<u64>) -> String {
    let shown = |count: Option<u64>| count.map_or("?".to_owned(), |count| count.to_string());
    format!("entry_count={} bytes_written={}", shown(entry_count), shown(bytes_written))
}
