//! Tests of workspaces without a guest: claims, what is put right, and what is left when something
//! fails.

use super::claim::{Claimed, claim, note};
use super::error::WorkspaceError;
use super::files::baseline;
use super::open_command::OpenCommand;
use super::paths::directory;
use super::update::{self, UpdateRequest};
use super::{delete, fork, limits, logs, reconcile};
use crate::backing::Backing;
use crate::config::{AccelChoice, Config};
use crate::execution_mode::ExecutionMode;
use crate::host::fs;
use crate::host::process::{self, ProcessId};
use crate::id::Id;
use crate::store::Store;
use crate::store::command::{CommandRecord, CommandState};
use crate::store::layer::NewLayer;
use crate::store::vm::{VmKind, VmRecord, VmState};
use crate::store::workspace::{SeedRecord, WorkspaceChange, WorkspaceRecord};
use crate::timestamp::Timestamp;
use crate::vm::output::OutputName;
use crate::vm::paths;
use crate::vm::result::{CommandOutput, CommandResult};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

pub(super) struct Home {
    pub(super) config: Config,
    pub(super) store: Store,
    _dir: tempfile::TempDir,
}

impl Home {
    pub(super) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let config = Config {
            data_dir: dir.path().join("data"),
            runtime_dir: dir.path().join("run"),
            environment_cache_dir: dir.path().join("cache"),
            program: "/nonexistent".into(),
            accel: AccelChoice::Tcg,
            kernel_dir: None,
            qemu: None,
            mirror: None,
            trace_supervisors: false,
            templates: true,
            max_active_vms: None,
            workspace_retention_seconds: 600,
            path: "/usr/bin".into(),
            inline: crate::config::InlineOutput::default(),
        };
        let store = Store::open(&config.data_dir).unwrap();
        Self { config, store, _dir: dir }
    }

    /// A workspace that is stopped, with a baseline.
    pub(super) fn workspace(&self) -> WorkspaceRecord {
        let first = layer(None);
        let top = layer(Some(first.id));
        let vm = vm();
        let workspace = WorkspaceRecord {
            id: new_id(),
            name: None,
            labels: BTreeMap::new(),
            environment: "unknown:1".into(),
            environment_version: None,
            vcpu_count: 1,
            mem_mib: 1024,
            ttl_seconds: 0,
            allow_host_compat: false,
            created_at: Timestamp::EPOCH,
            last_activity_at: Timestamp::EPOCH,
            expires_at: None,
            seed: SeedRecord {
                mode: "empty".into(),
                seed_path: None,
                destination: "/workspace".into(),
                entry_count: 0,
                bytes_written: 0,
                left_out: Vec::new(),
                left_out_count: 0,
                respect_ignore: false,
                git_note: None,
            },
            vm: Some(vm.id),
            top_layer: Some(first.id),
            baseline_layer: Some(first.id),
            next_vm: None,
            next_layer: None,
            command_count: 0,
            reset_count: 0,
            last_reset_at: None,
            change: None,
            owner: None,
            boot_id: process::boot_id(),
            revision: 0,
        };
        self.store.insert_workspace(&workspace, &first).unwrap();
        self.store.insert_vm(&vm, None).unwrap();
        fs::private_dir(&paths::layers_dir(&self.config)).unwrap();
        fs::write_atomic(&paths::shared_layer(&self.config, first.id), b"").unwrap();
        note(&self.store, workspace.id, std::slice::from_ref(&top), |workspace| {
            workspace.top_layer = Some(top.id)
        })
        .unwrap()
    }

    pub(super) fn now(&self, workspace: &WorkspaceRecord) -> Option<WorkspaceRecord> {
        self.store.workspace(workspace.id).unwrap()
    }

    /// Stands where the vm's socket is, and cannot be removed as one.
    fn obstacle(&self, vm: Id) -> PathBuf {
        let path = self.config.runtime_dir.join(paths::socket_name(vm)).join("obstacle");
        fs::private_dir(&path).unwrap();
        path.parent().unwrap().to_owned()
    }
}

fn at(seconds: f64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

fn new_id() -> Id {
    Id::random().unwrap()
}

pub(super) fn layer(parent: Option<Id>) -> NewLayer {
    NewLayer {
        id: new_id(),
        parent,
        backing: Backing::Image("d".to_owned().into()),
        created_at: Timestamp::EPOCH,
    }
}

fn vm() -> VmRecord {
    VmRecord {
        environment: "unknown:1".to_owned(),
        state: VmState::Stopped,
        execution_mode: ExecutionMode::GuestTcg,
        ..VmRecord::small(VmKind::Workspace, Backing::Image("d".to_owned().into()))
    }
}

#[test]
fn who_judged_a_dead_claim_leaves_the_living_one_alone_that_followed() {
    let home = Home::new();
    let workspace = home.workspace();
    let dead = note(&home.store, workspace.id, &[], |workspace| {
        *workspace = workspace.claimed(Some(WorkspaceChange::Resetting));
        (workspace.owner, workspace.next_vm) = (Some(ProcessId::NOBODY), Some(new_id()));
    });
    let dead = dead.unwrap();
    // Somebody else is as fast, and goes on with a change of their own.
    claim(&home.config, &home.store, workspace.id, WorkspaceChange::Resetting).unwrap();
    let next = layer(workspace.baseline_layer);
    let begun = note(&home.store, workspace.id, std::slice::from_ref(&next), |workspace| {
        (workspace.next_vm, workspace.next_layer) = (Some(new_id()), Some(next.id));
    });
    reconcile::put_right(&home.config, &home.store, &dead).unwrap();
    assert_eq!(home.now(&workspace), Some(begun.unwrap()));
    assert!(home.store.layer(next.id).unwrap().is_some(), "the layer of the living change");
}

#[test]
fn what_was_given_back_is_not_given_back_again() {
    let home = Home::new();
    let workspace = home.workspace();
    claim(&home.config, &home.store, workspace.id, WorkspaceChange::Resetting).unwrap();
    let claimed = Claimed::new(&home.config, &home.store, workspace.id);
    note(&home.store, workspace.id, &[], |workspace| *workspace = workspace.claimed(None)).unwrap();
    // Whoever waits for it is of this process as well.
    let taken = claim(&home.config, &home.store, workspace.id, WorkspaceChange::Starting).unwrap();
    claimed.was_given_back();
    assert_eq!(home.now(&workspace), Some(taken));
    drop(Claimed::new(&home.config, &home.store, workspace.id));
    assert_eq!(home.now(&workspace).unwrap().change, None, "one that was not given back is");
}

#[test]
fn what_is_over_stays_when_somebody_takes_it_meanwhile() {
    let home = Home::new();
    let workspace = home.workspace();
    let taken = claim(&home.config, &home.store, workspace.id, WorkspaceChange::Starting).unwrap();
    reconcile::remove(&home.config, &home.store, &workspace).unwrap();
    assert_eq!(home.now(&workspace), Some(taken));
}

#[test]
fn a_removal_that_failed_can_be_tried_again_by_the_same_process() {
    let home = Home::new();
    let workspace = home.workspace();
    let obstacle = home.obstacle(workspace.vm.unwrap());
    for _ in 0..2 {
        assert!(matches!(delete::delete(&home.config, workspace.id), Err(WorkspaceError::Vm(_))));
        let left = home.now(&workspace).unwrap();
        assert_eq!((left.change, left.is_attended()), (Some(WorkspaceChange::Deleting), false));
    }
    fs::remove_tree(&obstacle).unwrap();
    delete::delete(&home.config, workspace.id).unwrap();
    assert_eq!(home.now(&workspace), None);
    assert!(home.store.vms().unwrap().is_empty());
    assert!(fs::names_in(&paths::layers_dir(&home.config)).unwrap().is_empty());
}

#[test]
fn what_cannot_be_put_right_is_given_up() {
    let home = Home::new();
    let workspace = home.workspace();
    let next = vm();
    home.store.insert_vm(&next, None).unwrap();
    claim(&home.config, &home.store, workspace.id, WorkspaceChange::Resetting).unwrap();
    note(&home.store, workspace.id, &[], |workspace| workspace.next_vm = Some(next.id)).unwrap();
    let obstacle = home.obstacle(next.id);
    drop(Claimed::new(&home.config, &home.store, workspace.id));
    let left = home.now(&workspace).unwrap();
    assert_eq!((left.change, left.is_attended()), (Some(WorkspaceChange::Resetting), false));
    fs::remove_tree(&obstacle).unwrap();
    claim(&home.config, &home.store, workspace.id, WorkspaceChange::Starting).unwrap();
    assert_eq!(home.now(&workspace).unwrap().next_vm, None);
}

fn command() -> CommandRecord {
    CommandRecord {
        sequence: 0,
        command: "true".into(),
        cwd: "/workspace".into(),
        user: None,
        state: CommandState::Running,
        exit_code: 0,
        duration_ms: 0,
        execution_mode: ExecutionMode::GuestTcg,
        recorded_at: Timestamp::EPOCH,
        output: String::new(),
    }
}

/// A command that has begun.
fn begun<'a>(
    home: &'a Home,
    workspace: &WorkspaceRecord,
    vm: Id,
) -> Result<OpenCommand<'a>, WorkspaceError> {
    OpenCommand::begin(&home.config, &home.store, (workspace.id, vm), command())
}

/// The history: each command's number and how far it has come.
fn history(home: &Home, workspace: &WorkspaceRecord) -> Vec<(u64, CommandState)> {
    let commands = home.store.commands(workspace.id, 0, 100).unwrap();
    commands.into_iter().map(|command| (command.sequence, command.state)).collect()
}

#[test]
fn a_command_whose_end_cannot_be_recorded_has_its_outcome() {
    let home = Home::new();
    let workspace = home.workspace();
    let vm = workspace.vm.unwrap();
    let said = CommandResult::default();
    let mut first = begun(&home, &workspace, vm).unwrap();
    first.record.state = CommandState::Ended;
    assert_eq!(first.end(&said).unwrap(), (1, None));
    // More than the records can hold.
    let mut second = begun(&home, &workspace, vm).unwrap();
    (second.record.state, second.record.duration_ms) = (CommandState::Ended, u64::MAX);
    let (sequence, why) = second.end(&said).unwrap();
    assert!(why.is_some_and(|why| why.starts_with("the records cannot be read or written: ")));
    assert_eq!((sequence, home.now(&workspace).unwrap().command_count), (0, 2));
    assert!(
        matches!(begun(&home, &workspace, new_id()), Err(WorkspaceError::EndedMeanwhile { .. })),
        "its disk is gone"
    );
    assert_eq!(history(&home, &workspace), [(1, CommandState::Ended), (2, CommandState::Running)]);
}

#[test]
fn a_command_is_in_the_history_before_its_end_and_stays_when_it_breaks_off() {
    use CommandState::{Abandoned, Interrupted, Running};
    let home = Home::new();
    let workspace = home.workspace();
    let vm = workspace.vm.unwrap();
    let mut interrupted = begun(&home, &workspace, vm).unwrap();
    let mut refused = begun(&home, &workspace, vm).unwrap();
    assert_eq!(history(&home, &workspace), [(1, Running), (2, Running)]);
    refused.never_began();
    refused.close(CommandResult::default());
    interrupted.record.state = Interrupted;
    let output = CommandOutput { stdout: "so far".to_owned(), ..CommandOutput::default() };
    interrupted.close(CommandResult { output, ..CommandResult::default() });
    // The number of one that never began is free.
    drop(begun(&home, &workspace, vm).unwrap());
    let open = begun(&home, &workspace, vm).unwrap();
    assert_eq!(history(&home, &workspace), [(1, Interrupted), (2, Abandoned), (3, Running)]);
    let entry = logs::logs(&home.config, workspace.id, 0, 1).unwrap().entries.remove(0);
    assert_eq!((entry.result.output.stdout.as_str(), entry.result.exit_code), ("so far", None));
    // What a reset has forgotten comes back by no command that it ended, although the numbers begin
    // anew.
    let mut other = home.now(&workspace).unwrap();
    other.vm = Some(new_id());
    home.store.reset_workspace(&other).unwrap().unwrap();
    let again = begun(&home, &workspace, other.vm.unwrap()).unwrap();
    drop(open);
    assert_eq!(history(&home, &workspace), [(1, Running)]);
    drop(again);
}

#[test]
fn long_outputs_go_with_the_workspace_whose_history_names_them() {
    let home = Home::new();
    let (workspace, other) = (home.workspace(), home.workspace());
    let outputs = home.config.data_dir.join("outputs");
    fs::private_dir(&outputs).unwrap();
    let said = |of: &WorkspaceRecord, count: u64| {
        for _ in 0..count {
            let names = ["stdout", "stderr"].map(|stream| format!("{}-{stream}", new_id()));
            for name in &names {
                fs::write_new(&outputs.join(name), b"long").unwrap();
            }
            let [stdout_file, stderr_file] =
                names.map(|name| Some(OutputName::parse(&name).unwrap()));
            let said = CommandResult {
                output: CommandOutput { stdout_file, stderr_file, ..CommandOutput::default() },
                ..CommandResult::default()
            };
            begun(&home, of, of.vm.unwrap()).unwrap().end(&said).unwrap();
        }
    };
    let left = || fs::names_in(&outputs).unwrap();
    said(&other, 1);
    // What no history names, as of a one-shot vm, stays too.
    fs::write_new(&outputs.join(format!("{}-stdout", new_id())), b"long").unwrap();
    let before = left();
    said(&workspace, 100);
    assert_eq!(left().len(), before.len() + 200);
    delete::delete(&home.config, workspace.id).unwrap();
    assert_eq!(left(), before);
}

#[tokio::test]
async fn the_lifetime_that_it_has_is_renewed_and_nothing_is_no_update() {
    let home = Home::new();
    let id = home.workspace().id;
    let asked = |ttl_seconds| UpdateRequest { ttl_seconds, ..UpdateRequest::default() };
    update::update(&home.config, id, &asked(Some(600))).await.unwrap();
    // As if that had been long ago.
    note(&home.store, id, &[], |workspace| {
        (workspace.last_activity_at, workspace.expires_at) = (at(1.0), Some(at(601.0)))
    })
    .unwrap();
    let renewed = update::update(&home.config, id, &asked(Some(600))).await.unwrap();
    assert!(renewed.last_activity_at > at(1.0), "{renewed:?}");
    assert_eq!(renewed.expires_at, Some(renewed.last_activity_at + Duration::from_secs(600)));
    let nothing = update::update(&home.config, id, &asked(None)).await;
    assert!(matches!(nothing, Err(WorkspaceError::NothingToUpdate)), "{nothing:?}");
}

#[tokio::test]
async fn a_fork_that_cannot_be_recorded_leaves_nothing_behind() {
    let home = Home::new();
    let workspace = home.workspace();
    baseline::keep(&home.config, workspace.id, &[]).unwrap();
    let manifest = directory(&home.config, workspace.id).join("baseline");
    fs::remove_file(&manifest).unwrap();
    // A directory in its place cannot be inherited.
    fs::private_dir(&manifest).unwrap();
    let forked = fork::fork(&home.config, workspace.id, 2, None, &CancellationToken::new()).await;
    assert!(matches!(forked, Err(WorkspaceError::Files(_))), "{forked:?}");
    let left: Vec<_> =
        home.store.workspaces().unwrap().into_iter().map(|left| left.unwrap().id).collect();
    assert_eq!(left, [workspace.id]);
    assert_eq!(home.now(&workspace).unwrap().change, None);
    assert_eq!(home.store.vms().unwrap().len(), 1);
}

#[tokio::test]
async fn a_workspace_on_very_many_layers_is_not_forked() {
    let home = Home::new();
    let mut workspace = home.workspace();
    let made = |layer| fs::write_atomic(&paths::shared_layer(&home.config, layer), b"").unwrap();
    let id = workspace.id;
    let fork = async || fork::fork(&home.config, id, 1, None, &CancellationToken::new()).await;
    made(workspace.top_layer.unwrap());
    let depth = |home: &Home, top| home.store.layer_chain(top).unwrap().len();
    let mut above = Vec::new();
    let mut top = workspace.top_layer;
    for _ in depth(&home, top.unwrap())..limits::MAX_LAYERS - 1 {
        let next = layer(top);
        made(next.id);
        top = Some(next.id);
        above.push(next);
    }
    note(&home.store, id, &above, |workspace| workspace.top_layer = top).unwrap();
    // There is room for one, which then finds no environment to start from.
    let forked = fork().await;
    assert!(matches!(forked, Err(WorkspaceError::Vm(_))), "{forked:?}");
    workspace = home.now(&workspace).unwrap();
    assert_eq!(depth(&home, workspace.top_layer.unwrap()), limits::MAX_LAYERS);
    // Its new layer was never written to: a fork stands on the one below, and adds none.
    assert!(matches!(fork().await, Err(WorkspaceError::Vm(_))));
    made(workspace.top_layer.unwrap());
    assert!(matches!(fork().await, Err(WorkspaceError::TooDeep { .. })));
    assert_eq!(home.now(&workspace).unwrap().change, None);
}

#[test]
fn a_layer_is_closed_over_the_one_that_is_written_to() {
    let home = Home::new();
    let workspace = home.workspace();
    let vm = workspace.vm.unwrap();
    let [one, other] = [layer(workspace.top_layer), layer(workspace.top_layer)];
    assert!(home.store.begin_layer(vm, &one).unwrap());
    assert!(home.store.close_layer(vm, &one).unwrap());
    // Whoever wanted it read the record before the first one was closed.
    assert!(!home.store.begin_layer(vm, &other).unwrap());
    assert_eq!(home.store.layer(other.id).unwrap(), None);
    assert_eq!(home.now(&workspace).unwrap().top_layer, Some(one.id));
    let next = layer(Some(one.id));
    assert!(
        home.store.begin_layer(vm, &next).unwrap() && home.store.close_layer(vm, &next).unwrap()
    );
    assert_eq!(home.store.layer_chain(next.id).unwrap().len(), 4);
    assert!(
        !home.store.begin_layer(new_id(), &layer(Some(next.id))).unwrap(),
        "no workspace runs there"
    );
}

#[test]
fn a_lifetime_and_its_end_change_together() {
    let home = Home::new();
    let workspace = home.workspace();
    let longer = WorkspaceRecord { ttl_seconds: 60, ..workspace.clone() };
    assert!(home.store.change_and_renew_workspace(&longer, at(1000.0)).unwrap());
    let now = home.now(&workspace).unwrap();
    assert_eq!(
        (now.ttl_seconds, now.expires_at, now.last_activity_at),
        (60, Some(at(1060.0)), at(1000.0))
    );
    assert_eq!(home.store.vm(workspace.vm.unwrap()).unwrap().unwrap().expires_at, Some(at(1060.0)));
    // Of a record that somebody else has changed, nothing is renewed either.
    assert!(!home.store.change_and_renew_workspace(&longer, at(2000.0)).unwrap());
    assert_eq!(home.now(&workspace).unwrap().expires_at, Some(at(1060.0)));
}
