//! Each profile offers what `contract.toml` says, and what a model sees of it changes only by a
//! reviewed diff.

use crate::client::{Client, bare};
use pyro_mcp::{Ending, Grants, Profile, Server, Settings};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Names, read from the contract without the crate under test.
fn promised(profile: Profile) -> BTreeSet<String> {
    let contract: toml::Table = include_str!("../../../../contract.toml").parse().unwrap();
    let holds = |row: &toml::Value, list: &str, name: &str| {
        row[list].as_array().unwrap().iter().any(|item| item.as_str() == Some(name))
    };
    let rows = contract["operation"].as_array().unwrap().iter();
    let rows =
        rows.filter(|row| holds(row, "profiles", profile.name()) && holds(row, "built", "mcp"));
    rows.map(|row| row["mcp"].as_str().unwrap().to_owned()).collect()
}

pub fn tools(profile: Profile, grants: Grants) -> Vec<Value> {
    let home = tempfile::tempdir().unwrap();
    let server = Server::new(
        bare(home.path()),
        Settings { profile, grants, at_once: 8, warm: 0, home: None },
        Ending::default(),
    );
    serde_json::to_value(server.tools()).unwrap()["tools"].as_array().unwrap().clone()
}

#[tokio::test]
async fn each_profile_lists_the_contracts_tools_in_order() {
    for profile in Profile::ALL {
        let mut client = Client::connected(profile, Grants::default(), "2025-11-25").await;
        let answer = client.ask("tools/list", json!({})).await;
        let listed = answer["result"]["tools"]
            .as_array()
            .unwrap()
            .iter()
            .map(|tool| tool["name"].as_str().unwrap());
        let mut promised: Vec<String> = promised(profile).into_iter().collect();
        // The one that is enough for most calls stands first.
        promised.sort_by_key(|name| name != "vm_run");
        assert_eq!(listed.collect::<Vec<_>>(), promised);
    }
}

#[test]
fn what_a_model_sees() {
    for profile in Profile::ALL {
        insta::assert_json_snapshot!(
            format!("tools_of_{}", profile.name()),
            tools(profile, Grants::default())
        );
    }
}

#[test]
fn annotations_say_what_was_granted() {
    let hints = |grants| {
        let tools = tools(Profile::VmRun, grants);
        let run =
            tools.iter().find(|tool| tool["name"] == "vm_run").unwrap()["annotations"].clone();
        (run["destructiveHint"].as_bool().unwrap(), run["openWorldHint"].as_bool().unwrap())
    };
    assert_eq!(hints(Grants::default()), (false, false));
    assert_eq!(hints(Grants { network: true, ..Grants::default() }), (false, true));
    assert_eq!(hints(Grants { host_compat: true, ..Grants::default() }), (true, true));
}

#[test]
fn what_only_looks_and_what_discards_is_said() {
    let mut looks = Vec::new();
    let mut discards = Vec::new();
    for tool in tools(Profile::WorkspaceCore, Grants::default()) {
        let name = tool["name"].as_str().unwrap().to_owned();
        assert_eq!(tool["annotations"]["openWorldHint"], false, "{name}");
        match (
            tool["annotations"]["readOnlyHint"].as_bool(),
            tool["annotations"]["destructiveHint"].as_bool(),
        ) {
            (Some(true), _) => looks.push(name),
            (_, Some(true)) => discards.push(name),
            _ => {}
        }
    }
    let names = [
        "output_read",
        "workspace_diff",
        "workspace_file_list",
        "workspace_file_read",
        "workspace_list",
    ];
    assert_eq!(looks, [&names[..], &["workspace_logs", "workspace_status"]].concat());
    // An export may replace what is on the host; what may replace or delete a workspace's files is
    // no mere addition.
    let names = ["workspace_delete", "workspace_exec", "workspace_export", "workspace_file_write"];
    assert_eq!(
        discards,
        [&names[..], &["workspace_patch_apply", "workspace_reset", "workspace_sync_push"]].concat()
    );
}

#[test]
fn schemas_are_what_validators_and_models_take() {
    for tool in tools(Profile::WorkspaceFull, Grants::default()) {
        let name = tool["name"].as_str().unwrap();
        assert_eq!(tool["inputSchema"]["additionalProperties"], false, "{name}");
        assert_eq!(tool["outputSchema"]["type"], "object", "{name}");
        assert!(
            tool["description"].as_str().unwrap().len() > 40 && tool["title"].is_string(),
            "{name}"
        );
        let hints = &tool["annotations"];
        assert!(
            hints["readOnlyHint"].is_boolean() && hints["openWorldHint"].is_boolean(),
            "{name}"
        );
        assert!(hints["readOnlyHint"] == true || hints["destructiveHint"].is_boolean(), "{name}");
        let text = tool.to_string();
        assert!(!text.contains("\"type\":["), "validators warn of lists of types: {text}");
        assert!(
            !text.contains("\"format\":\"") && !text.contains("$ref") && !text.contains("$schema"),
            "{text}"
        );
    }
}
