//! What the server tells a model about itself is true, and enough to begin with.

use crate::client::Client;
use crate::contract::tools;
use pyro_mcp::{Grants, Profile};
use serde_json::{Value, json};

async fn instructions(profile: Profile, grants: Grants) -> String {
    let mut client = Client::silent(profile, grants);
    let about = json!({ "name": "test", "version": "1" });
    let params =
        json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": about });
    client.ask("initialize", params).await["result"]["instructions"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn granted_directories_are_named() {
    let home = tempfile::tempdir().unwrap();
    let granted = home.path().canonicalize().unwrap();
    let grants =
        Grants { paths: vec![home.path().into()], client_roots: true, ..Grants::default() };
    let told = instructions(Profile::WorkspaceCore, grants.clone()).await;
    let expected = format!(
        "Host paths that calls may name, with what is below: {}, the client's roots.\n",
        granted.display()
    );
    assert!(told.contains(&expected), "{told}");
    let nothing = instructions(Profile::WorkspaceCore, Grants::default()).await;
    assert!(nothing.contains("with what is below: none.\n"), "{nothing}");
    let without_paths = instructions(Profile::VmRun, grants.clone()).await;
    assert!(!without_paths.contains("Host paths"), "{without_paths}");
    let mut client = Client::connected(
        Profile::WorkspaceCore,
        Grants { client_roots: false, ..grants },
        "2025-11-25",
    )
    .await;
    let refused = client
        .refused("workspace_create", json!({ "environment": "debian:12", "seed_path": "/etc" }))
        .await;
    let hint = format!("granted are: {};", granted.display());
    assert!(
        refused["kind"] == "denied" && refused["hint"].as_str().unwrap().starts_with(&hint),
        "{refused}"
    );
}

#[tokio::test]
async fn what_is_not_built_is_not_promised() {
    for network in [false, true] {
        for profile in Profile::ALL {
            let grants = Grants { network, ..Grants::default() };
            assert!(
                instructions(profile, grants.clone()).await.contains("Machines have no network.")
            );
            let text = Value::from(tools(profile, grants.clone())).to_string();
            assert!(!text.contains("--allow-network"), "{}", profile.name());
        }
        let grants = Grants { network, ..Grants::default() };
        let mut client = Client::connected(Profile::VmRun, grants, "2025-11-25").await;
        let asked = json!({ "environment": "debian:12", "command": "true", "network": true });
        let refused = client.refused("vm_run", asked).await.to_string();
        let told = if network { "not available in this version" } else { "not built yet" };
        assert!(refused.contains(told) && !refused.contains("--allow-network"), "{refused}");
    }
}

#[tokio::test]
async fn only_who_was_granted_the_host_hears_of_it() {
    for host_compat in [false, true] {
        let grants = Grants { host_compat, ..Grants::default() };
        let offered = tools(Profile::WorkspaceFull, grants.clone());
        for tool in &offered {
            let parameter = &tool["inputSchema"]["properties"]["allow_host_compat"];
            assert_eq!(
                parameter["description"].as_str().is_some_and(|told| told.contains("on the host")),
                host_compat && parameter.is_object()
            );
        }
        let mut client = Client::connected(Profile::WorkspaceFull, grants, "2025-11-25").await;
        // This server finds no QEMU.
        for tool in ["vm_run", "vm_create", "workspace_create"] {
            let mut arguments = json!({ "environment": "debian:12" });
            if tool == "vm_run" {
                arguments["command"] = json!("true");
            }
            let refused = client.refused(tool, arguments).await;
            assert_eq!(
                refused.to_string().contains("allow_host_compat"),
                host_compat,
                "{tool}: {refused}"
            );
            assert!(refused["hint"].as_str().unwrap().contains("apt-get install"), "{refused}");
        }
    }
}

#[test]
fn an_environment_is_chosen_by_what_it_holds() {
    for profile in Profile::ALL {
        let mut described = 0;
        for tool in tools(profile, Grants::default()) {
            let Some(told) =
                tool["inputSchema"]["properties"]["environment"]["description"].as_str()
            else {
                continue;
            };
            described += 1;
            for words in [
                "debian:12: git",
                "debian:12-base: no more",
                "debian:12-build: git",
                "gcc",
                "python3",
                "No network",
                "minutes",
            ] {
                assert!(told.contains(words), "{}: {told}", tool["name"]);
            }
        }
        assert!(described > 0, "{}", profile.name());
    }
}
