//! Tests of snapshots without a guest: names, records, what is collected, and what may be merged.

use super::{create, delete, list};
use crate::host::fs;
use crate::id::Id;
use crate::snapshot_name::SnapshotName;
use crate::store::layer::{LayerPair, NewLayer};
use crate::store::snapshot::SnapshotRecord;
use crate::store::workspace::{WorkspaceChange, WorkspaceRecord};
use crate::timestamp::Timestamp;
use crate::vm::paths;
use crate::workspace::claim::note;
use crate::workspace::error::WorkspaceError;
use crate::workspace::reconcile;
use crate::workspace::tests::{Home, layer};
use tokio_util::sync::CancellationToken;

fn named(name: &str) -> SnapshotName {
    SnapshotName::parse(name).unwrap()
}

fn made(home: &Home, layer: Id) {
    fs::write_atomic(&paths::shared_layer(&home.config, layer), b"").unwrap();
}

fn names(home: &Home, workspace: &WorkspaceRecord) -> Vec<String> {
    let list = list::list(&home.config, workspace.id).unwrap();
    assert_eq!(list.count, list.snapshots.len());
    list.snapshots.into_iter().map(|snapshot| snapshot.snapshot_name).collect()
}

#[tokio::test]
async fn a_stopped_workspace_has_snapshots_the_newest_first() {
    let home = Home::new();
    let workspace = home.workspace();
    let id = workspace.id;
    let create = async |name: &str| {
        create::create(&home.config, id, &named(name), &CancellationToken::new()).await
    };
    let top = workspace.top_layer.unwrap();
    made(&home, top);
    let first = create("first").await.unwrap();
    assert_eq!((first.held_ms, first.snapshot.deletable), (0, true));
    // Nothing was written since: it is of the same layer.
    create("second").await.unwrap();
    assert_eq!(names(&home, &workspace), ["baseline", "second", "first"]);
    let layers = |name| home.store.snapshot(id, &named(name)).unwrap().unwrap().layer;
    assert_eq!((layers("first"), layers("second")), (top, top));
    assert!(matches!(create("first").await, Err(WorkspaceError::SnapshotExists { .. })));
    assert_eq!(home.store.snapshots(id).unwrap().len(), 2);
    assert_eq!(home.now(&workspace).unwrap().change, None);
    for name in ["first", "second"] {
        delete::delete(&home.config, id, &named(name)).unwrap();
    }
    assert_eq!(names(&home, &workspace), ["baseline"]);
    let unknown = delete::delete(&home.config, id, &named("first")).unwrap_err();
    assert!(unknown.to_string().ends_with("it has only baseline"), "{unknown}");
}

#[test]
fn a_snapshot_keeps_its_layer_for_as_long_as_it_is_there() {
    let home = Home::new();
    let workspace = home.workspace();
    let (id, top) = (workspace.id, workspace.top_layer.unwrap());
    let snapshot = SnapshotRecord {
        workspace: id,
        name: named("kept"),
        layer: top,
        created_at: Timestamp::EPOCH,
        entry_count: Some(1),
        bytes_written: None,
    };
    assert!(home.store.insert_snapshot(&snapshot).unwrap());
    assert!(!home.store.insert_snapshot(&snapshot).unwrap());
    assert_eq!(home.store.snapshot(id, &named("kept")).unwrap(), Some(snapshot));
    // A reset goes on in a layer over the baseline.
    let next = layer(workspace.baseline_layer);
    note(&home.store, id, std::slice::from_ref(&next), |workspace| {
        workspace.top_layer = Some(next.id);
    })
    .unwrap();
    reconcile::collect_layers(&home.config, &home.store).unwrap();
    assert!(home.store.layer(top).unwrap().is_some());
    delete::delete(&home.config, id, &named("kept")).unwrap();
    assert_eq!(home.store.layer(top).unwrap(), None);
    // With a workspace go its snapshots.
    note(&home.store, id, &[], |workspace| workspace.change = None).unwrap();
    let again = SnapshotRecord {
        workspace: id,
        name: named("again"),
        layer: next.id,
        created_at: Timestamp::EPOCH,
        entry_count: None,
        bytes_written: None,
    };
    assert!(home.store.insert_snapshot(&again).unwrap());
    home.store.delete_workspace(id).unwrap();
    assert_eq!(home.store.snapshots(id).unwrap(), []);
    assert!(home.store.unused_layers().unwrap().contains(&next.id));
}

#[test]
fn only_layers_that_one_workspace_alone_stands_on_are_merged() {
    let home = Home::new();
    let workspace = home.workspace();
    let id = workspace.id;
    // Over the baseline: a, b, c, and the one that is written to.
    let mut below = workspace.baseline_layer;
    let chain: Vec<NewLayer> = (0..4)
        .map(|_| {
            let next = layer(below);
            below = Some(next.id);
            next
        })
        .collect();
    let [a, b, c, top] = [0, 1, 2, 3].map(|at| chain[at].id);
    note(&home.store, id, &chain, |workspace| workspace.top_layer = Some(top)).unwrap();
    for layer in [a, b, c] {
        home.store.note_made(layer);
    }
    let pairs = || home.store.mergeable_layers(id, false).unwrap();
    let pair = |lower, upper| LayerPair { lower, upper };
    // The baseline is named, and the top one is written to.
    assert_eq!(pairs(), [pair(a, b), pair(b, c)]);
    // Where it is stopped, that one too, once it was ever written to.
    let at_rest = || home.store.mergeable_layers(id, true).unwrap();
    assert_eq!(at_rest(), pairs());
    home.store.note_made(top);
    assert_eq!(at_rest(), [pair(a, b), pair(b, c), pair(c, top)]);
    let snapshot = |layer| SnapshotRecord {
        workspace: id,
        name: named("x"),
        layer,
        created_at: Timestamp::EPOCH,
        entry_count: None,
        bytes_written: None,
    };
    assert!(home.store.insert_snapshot(&snapshot(b)).unwrap());
    assert_eq!(pairs(), [pair(a, b)]);
    home.store.join_layers(pair(a, b)).unwrap();
    assert_eq!(home.store.layer(b).unwrap().unwrap().parent, workspace.baseline_layer);
    assert!(home.store.unused_layers().unwrap().contains(&a));
    // Somebody else's disk goes through c.
    home.store.delete_snapshot(id, &named("x")).unwrap();
    assert_eq!(pairs(), [pair(b, c)]);
    let other = home.workspace();
    let over = layer(Some(c));
    note(&home.store, other.id, std::slice::from_ref(&over), |workspace| {
        workspace.top_layer = Some(over.id);
    })
    .unwrap();
    assert_eq!(pairs(), []);
    assert_eq!(home.store.mergeable_layers(other.id, true).unwrap(), []);
}

#[test]
fn whoever_died_over_a_snapshot_leaves_the_workspace_free() {
    let home = Home::new();
    let workspace = home.workspace();
    let dead =
        WorkspaceRecord { owner: None, ..workspace.claimed(Some(WorkspaceChange::Snapshotting)) };
    home.store.change_workspace(&dead, &[]).unwrap().unwrap();
    reconcile::reconcile(&home.config, &home.store).unwrap();
    let now = home.now(&workspace).unwrap();
    assert_eq!((now.change, now.top_layer), (None, workspace.top_layer));
}
