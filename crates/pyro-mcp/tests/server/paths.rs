//! Host paths that a model may name, and files of workspaces as resources.

use crate::client::Client;
use pyro_mcp::{Grants, Profile};
use serde_json::{Value, json};

const NOBODY: &str = "0123456789ab";

fn push(source: &std::path::Path) -> Value {
    json!({ "workspace_id": NOBODY, "source_path": source })
}

#[tokio::test]
async fn only_granted_paths_get_as_far_as_the_workspace() {
    let granted = tempfile::tempdir().unwrap();
    let grants = Grants { paths: vec![granted.path().to_owned()], ..Grants::default() };
    let mut client = Client::connected(Profile::WorkspaceCore, grants, "2025-11-25").await;
    assert_eq!(
        client.refused("workspace_sync_push", push(granted.path())).await["kind"],
        "not_found"
    );
    let output = granted.path().join("new/deeper");
    let export = |output: &std::path::Path| json!({ "workspace_id": NOBODY, "path": "a", "output_path": output });
    assert_eq!(client.refused("workspace_export", export(&output)).await["kind"], "not_found");
    assert!(!output.parent().unwrap().exists());
    let etc = std::path::Path::new("/etc");
    let seed = json!({ "environment": "debian:12", "seed_path": etc });
    for (tool, arguments) in [
        ("workspace_sync_push", push(etc)),
        ("workspace_sync_push", push(&granted.path().join("../x"))),
        ("workspace_export", export(&etc.join("pyro-new"))),
        ("workspace_create", seed),
    ] {
        let refusal = client.refused(tool, arguments).await;
        assert_eq!(refusal["kind"], "denied", "{refusal}");
        assert!(refusal["hint"].as_str().unwrap().contains("--allow-path"), "{refusal}");
    }
}

#[tokio::test]
async fn an_export_replaces_nothing_that_is_granted_or_kept_as_a_whole() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path().canonicalize().unwrap();
    let (project, root) = (home.join("project"), home.join("roots/one"));
    for directory in [&project, &root] {
        std::fs::create_dir_all(directory).unwrap();
    }
    let (kept, paths) = (vec![home.join("roots/here")], vec![project.clone(), home.join("roots")]);
    std::fs::create_dir(&kept[0]).unwrap();
    let grants = Grants { paths, kept: kept.clone(), ..Grants::default() };
    let mut client = Client::connected(Profile::WorkspaceFull, grants, "2025-11-25").await;
    let export = |output: &std::path::Path| json!({ "workspace_id": NOBODY, "path": ".", "output_path": output, "force": true });
    for whole in [&project, &home.join("roots"), &kept[0], &root.join("..")] {
        let refusal = client.refused("workspace_export", export(whole)).await;
        assert_eq!(refusal["kind"], "invalid_input", "{}: {refusal}", whole.display());
        let told = (refusal["message"].as_str().unwrap(), refusal["hint"].as_str().unwrap());
        assert!(told.0.contains("never replaced") && told.1.contains("output_path"), "{refusal}");
    }
    for inside in [project.join("dist"), root.clone()] {
        assert_eq!(client.refused("workspace_export", export(&inside)).await["kind"], "not_found");
    }
}

#[tokio::test]
async fn a_blank_path_is_refused_and_a_tilde_is_the_home() {
    let granted = tempfile::tempdir().unwrap();
    let grants = Grants { paths: vec![granted.path().to_owned()], ..Grants::default() };
    let mut client = Client::connected(Profile::WorkspaceCore, grants, "2025-11-25").await;
    for (tool, arguments) in [
        ("workspace_create", json!({ "environment": "debian:12", "seed_path": "" })),
        ("workspace_sync_push", json!({ "workspace_id": NOBODY, "source_path": " " })),
        (
            "workspace_sync_push",
            json!({ "workspace_id": NOBODY, "source_path": granted.path(), "dest": "", "delete": true }),
        ),
        ("workspace_export", json!({ "workspace_id": NOBODY, "path": "a", "output_path": "" })),
        ("workspace_file_list", json!({ "workspace_id": NOBODY, "path": "" })),
        ("workspace_diff", json!({ "workspace_id": NOBODY, "path": " " })),
    ] {
        let refusal = client.refused(tool, arguments).await;
        let message = refusal["message"].as_str().unwrap();
        assert!(
            refusal["kind"] == "invalid_input" && message.contains("must not be empty"),
            "{refusal}"
        );
        assert!(refusal["hint"].is_string(), "{refusal}");
    }
    let missing = client
        .refused("workspace_create", json!({ "environment": "debian:12", "seed_path": "nope/x" }))
        .await;
    assert!(missing["hint"].is_string(), "{missing}");
    let refusal = client.refused("workspace_sync_push", push(std::path::Path::new("~/x"))).await;
    let message = refusal["message"].as_str().unwrap();
    assert!(
        refusal["kind"] == "denied" && message.contains("/x") && !message.contains('~'),
        "{refusal}"
    );
}

/// The refusal of a push from below a root that the client declares.
async fn pushed_from_a_root(client_roots: bool, version: &str, root: &std::path::Path) -> Value {
    let grants = Grants { client_roots, ..Grants::default() };
    let roots = json!({ "roots": { "listChanged": true } });
    let mut client = Client::capable(Profile::WorkspaceCore, grants, version, roots).await;
    let call = json!({ "name": "workspace_sync_push", "arguments": push(root) });
    let id = client.request("tools/call", call).await;
    loop {
        let message = client.read().await.expect("an answer");
        if message["method"] == "roots/list" {
            let uri = format!("file://{}", root.display());
            let answer = json!({ "jsonrpc": "2.0", "id": message["id"], "result": { "roots": [{ "uri": uri }] } });
            client.write(&format!("{answer}\n")).await;
        } else if message["id"] == id {
            return serde_json::from_str(message["result"]["content"][0]["text"].as_str().unwrap())
                .unwrap();
        }
    }
}

#[tokio::test]
async fn roots_of_the_client_are_granted_where_it_runs_on_this_host() {
    let root = tempfile::tempdir().unwrap();
    for version in ["2024-11-05", "2025-06-18", "2025-11-25"] {
        assert_eq!(
            pushed_from_a_root(true, version, root.path()).await["kind"],
            "not_found",
            "{version}"
        );
    }
    assert_eq!(pushed_from_a_root(false, "2025-11-25", root.path()).await["kind"], "denied");
}

#[tokio::test]
async fn files_of_workspaces_are_resources_where_they_can_be_read() {
    let mut client =
        Client::connected(Profile::WorkspaceCore, Grants::default(), "2025-11-25").await;
    let listed = client.ask("resources/templates/list", json!({})).await;
    let templates = &listed["result"]["resourceTemplates"];
    assert_eq!(templates[0]["uriTemplate"], "pyro://workspace/{id}/{path}{?offset}", "{listed}");
    assert_eq!(client.ask("resources/list", json!({})).await["result"]["resources"], json!([]));
    for uri in [
        format!("pyro://workspace/{NOBODY}/a"),
        "pyro://workspace/x/a".into(),
        "file:///etc/passwd".into(),
    ] {
        let error = client.ask("resources/read", json!({ "uri": uri })).await["error"].take();
        assert_eq!(
            (&error["code"], &error["data"]["uri"]),
            (&json!(-32002), &json!(uri)),
            "{error}"
        );
    }
    let gone = client
        .ask("resources/read", json!({ "uri": format!("pyro://workspace/{NOBODY}/a") }))
        .await;
    assert_eq!(gone["error"]["data"]["error"]["hint"], "workspace_list", "{gone}");
    for path in ["../etc/passwd", "%2e%2e/etc/passwd", "/etc/passwd"] {
        let uri = format!("pyro://workspace/{NOBODY}/{path}");
        assert_eq!(
            client.ask("resources/read", json!({ "uri": uri })).await["error"]["code"],
            -32002,
            "{path}"
        );
    }
    let mut small = Client::connected(Profile::VmRun, Grants::default(), "2025-11-25").await;
    let listed =
        small.ask("resources/templates/list", json!({})).await["result"]["resourceTemplates"]
            .take();
    assert_eq!(listed.as_array().unwrap().len(), 1);
    assert_eq!(listed[0]["uriTemplate"], "pyro://output/{name}{?offset}");
    for uri in [
        "pyro://output/0123456789ab-stdout",
        "pyro://output/../vms",
        "pyro://workspace/0123456789ab/a",
    ] {
        let error = small.ask("resources/read", json!({ "uri": uri })).await["error"].take();
        assert_eq!(error["code"], -32002, "{error}");
    }
}
