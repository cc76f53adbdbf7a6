//! What somebody made that runs its commands on the host: this server's calls do not start it and
//! run nothing in it.

use crate::client::{Client, bare};
use pyro_core::testing::{NewLayer, Store, WorkspaceRecord, boot_id};
use pyro_core::{Id, Pyro, SeedRecord, Shape, VmRequest};
use pyro_mcp::{Grants, Profile};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A vm that was created where no guest was to be had.
async fn vm(pyro: &Pyro) -> Id {
    let request = VmRequest {
        environment: "debian:12".into(),
        shape: Shape::default(),
        allow_host_compat: true,
        network: false,
    };
    pyro.create_vm(request, pyro_core::Caller::default()).await.unwrap().vm_id
}

/// A stopped workspace on a layer of an image, or of none.
fn workspace(pyro: &Pyro, image: Option<&str>) -> Id {
    let store = Store::open(&pyro.config().data_dir).unwrap();
    let layer = NewLayer {
        id: Id::random().unwrap(),
        parent: None,
        backing: image.map(|digest| digest.to_owned().into()).into(),
        created_at: pyro_core::Timestamp::EPOCH,
    };
    let seed = SeedRecord {
        mode: "empty".into(),
        seed_path: None,
        destination: "/workspace".into(),
        entry_count: 0,
        bytes_written: 0,
        left_out: Vec::new(),
        left_out_count: 0,
        respect_ignore: false,
        git_note: None,
    };
    let workspace = WorkspaceRecord {
        id: Id::random().unwrap(),
        name: None,
        labels: BTreeMap::new(),
        environment: "debian:12".into(),
        environment_version: None,
        vcpu_count: 1,
        mem_mib: 1024,
        ttl_seconds: 0,
        allow_host_compat: true,
        created_at: pyro_core::Timestamp::EPOCH,
        last_activity_at: pyro_core::Timestamp::EPOCH,
        expires_at: None,
        seed,
        vm: Some(Id::random().unwrap()),
        top_layer: Some(layer.id),
        baseline_layer: Some(layer.id),
        next_vm: None,
        next_layer: None,
        command_count: 0,
        reset_count: 0,
        last_reset_at: None,
        change: None,
        owner: None,
        boot_id: boot_id(),
        revision: 0,
    };
    store.insert_workspace(&workspace, &layer).unwrap();
    workspace.id
}

/// Every call of the full profile that starts a workspace or runs something in it.
fn calls(workspace: Id) -> Vec<(&'static str, Value)> {
    let named = json!({ "workspace_id": workspace });
    let mut command = named.clone();
    command["command"] = json!("true");
    vec![
        ("workspace_exec", command),
        ("workspace_start", named.clone()),
        ("workspace_reset", named.clone()),
        ("workspace_fork", named),
    ]
}

fn is_denied(refusal: &Value) -> bool {
    assert!(!refusal.to_string().contains("--allow-host-compat"), "{refusal}");
    refusal["kind"] == "denied"
        && refusal["hint"].as_str().is_some_and(|hint| hint.starts_with("create another "))
}

#[tokio::test]
async fn no_call_runs_on_the_host_what_others_let_run_there() {
    for (host_compat, expected) in [(false, true), (true, false)] {
        let grants = Grants { host_compat, ..Grants::default() };
        let mut client = Client::connected(Profile::WorkspaceFull, grants, "2025-11-25").await;
        let pyro = bare(client.home.path());
        let (vm, workspace) = (vm(&pyro).await, workspace(&pyro, None));
        let mut calls = calls(workspace);
        calls.push(("vm_start", json!({ "vm_id": vm })));
        calls.push(("vm_exec", json!({ "vm_id": vm, "command": "true" })));
        for (tool, arguments) in calls {
            let refusal = client.refused(tool, arguments).await;
            assert_eq!(is_denied(&refusal), expected, "{tool}: {refusal}");
        }
    }
}

#[tokio::test]
async fn a_stopped_one_is_not_started_by_a_look_at_its_files() {
    let mut client =
        Client::connected(Profile::WorkspaceCore, Grants::default(), "2025-11-25").await;
    let workspace = workspace(&bare(client.home.path()), None);
    let file = json!({ "workspace_id": workspace, "path": "a" });
    let refusal = client.refused("workspace_file_read", file).await;
    assert!(is_denied(&refusal), "{refusal}");
    let uri = format!("pyro://workspace/{workspace}/a");
    let error = client.ask("resources/read", json!({ "uri": uri })).await["error"].take();
    assert!(is_denied(&error["data"]["error"]), "{error}");
}

#[tokio::test]
async fn one_that_was_made_for_a_guest_stays_in_one_and_is_not_denied() {
    let mut client =
        Client::connected(Profile::WorkspaceFull, Grants::default(), "2025-11-25").await;
    let workspace = workspace(&bare(client.home.path()), Some("digest"));
    for (tool, arguments) in calls(workspace) {
        let refusal = client.refused(tool, arguments).await;
        assert!(!is_denied(&refusal), "{tool}: {refusal}");
    }
}
