//! Both ways to begin, wrong requests, and the end of the input.

use crate::client::Client;
use pyro_mcp::{Grants, Profile};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// What each request of 2026-07-28 carries.
fn modern(mut params: Value) -> Value {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "1" },
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    params
}

async fn full() -> Client {
    Client::connected(Profile::WorkspaceFull, Grants::default(), "2025-11-25").await
}

#[tokio::test]
async fn every_revision_with_a_handshake_is_served() {
    for version in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        let mut client = Client::connected(Profile::VmRun, Grants::default(), version).await;
        assert!(client.ask("tools/list", json!({})).await["result"]["tools"].is_array());
        assert_eq!(client.ask("ping", json!({})).await["result"], json!({}));
    }
}

#[tokio::test]
async fn the_revision_without_a_handshake_is_served() {
    let mut client = Client::silent(Profile::VmRun, Grants::default());
    let found = client.ask("server/discover", modern(json!({}))).await["result"].take();
    assert!(
        found["supportedVersions"].as_array().unwrap().contains(&"2026-07-28".into()),
        "{found}"
    );
    assert!(found["instructions"].as_str().unwrap().contains("vm_run"));
    let listed = client.ask("tools/list", modern(json!({}))).await;
    assert_eq!(listed["result"]["resultType"], "complete", "{listed}");
    let called = modern(json!({ "name": "vm_run", "arguments": { "network": true } }));
    assert_eq!(client.ask("tools/call", called).await["result"]["isError"], true);
}

#[tokio::test]
async fn the_server_names_itself_and_says_which_tool_to_take() {
    let mut client = Client::silent(Profile::WorkspaceFull, Grants::default());
    let about = json!({ "name": "test", "version": "1" });
    let params =
        json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": about });
    let answer = client.ask("initialize", params).await["result"].take();
    assert_eq!(answer["serverInfo"]["name"], "pyro");
    assert_eq!(answer["serverInfo"]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(answer["capabilities"], json!({ "tools": {}, "prompts": {}, "resources": {} }));
    insta::assert_snapshot!(answer["instructions"].as_str().unwrap());
}

#[tokio::test]
async fn wrong_calls_are_results_that_say_what_is_wrong() {
    let mut client = full().await;
    let right = json!({ "environment": "debian:12", "command": "true" });
    let with = |name: &str, value: Value| {
        let mut arguments = right.clone();
        arguments[name] = value;
        arguments
    };
    for (arguments, kind, told) in [
        (json!({}), "invalid_input", "environment is missing; command is missing"),
        (with("comand", 1.into()), "invalid_input", "unknown argument \"comand\""),
        (with("environment", "debian:11".into()), "invalid_input", "must be one of \"debian:12\""),
        (with("vcpu_count", 9.into()), "invalid_input", "between 1 and 8"),
        (with("mem_mib", "lots".into()), "invalid_input", "mem_mib must be an integer"),
        (with("ttl_seconds", 59.into()), "invalid_input", "at least 60"),
        (with("timeout_seconds", 0.into()), "invalid_input", "at least 1"),
        (with("timeout_seconds", u64::MAX.into()), "invalid_input", "timeout_seconds"),
        (with("command", "  ".into()), "invalid_input", "must not be blank"),
        (with("command", "x".repeat(2_097_153).into()), "invalid_input", "2097153 characters long"),
        (with("network", true.into()), "denied", "guests have no network"),
        (with("max_output_bytes", 5.into()), "invalid_input", "between 1024 and 131072"),
        (with("allow_host_compat", true.into()), "denied", "allow_host_compat is not granted"),
        (right.clone(), "unavailable", "qemu-system-x86_64"),
    ] {
        let refusal = client.refused("vm_run", arguments).await;
        assert_eq!(refusal["kind"], kind, "{refusal}");
        assert!(refusal["message"].as_str().unwrap().contains(told), "{refusal}");
        assert!(refusal["hint"].is_string(), "{refusal}");
    }
    // The flag is the server's, whatever the parameter is called.
    let denied = client.refused("vm_run", with("allow_host_compat", true.into())).await;
    assert_eq!(denied["hint"], "leave allow_host_compat out");
    let unknown = client.refused("vm_explode", json!({})).await;
    assert_eq!(unknown["message"], "unknown tool: vm_explode");
}

#[tokio::test]
async fn a_task_that_is_gone_is_told_in_words_of_tasks() {
    let mut client = Client::connected(Profile::Task, Grants::default(), "2025-11-25").await;
    for (tool, arguments) in [
        ("task_exec", json!({ "task_id": "0123456789ab", "command": "true" })),
        ("task_status", json!({ "task_id": "0123456789ab" })),
    ] {
        let gone = client.refused(tool, arguments).await;
        assert_eq!(
            gone["hint"], "take the id that its creation gave, or create another: task_create",
            "{gone}"
        );
    }
}

#[tokio::test]
async fn an_alias_refuses_what_its_tool_would_take_by_another_name() {
    let mut client = Client::connected(Profile::Task, Grants::default(), "2025-11-25").await;
    let environment = "debian:12";
    for (tool, arguments, message) in [
        (
            "task_status",
            json!({ "workspace_id": "0123456789ab" }),
            "unknown argument \"workspace_id\"",
        ),
        ("task_status", json!({ "task_id": "x" }), "task_id"),
        ("task_create", json!({ "environment": environment, "seed_path": "/" }), "\"seed_path\""),
        (
            "task_create",
            json!({ "environment": environment, "name": "a" }),
            "unknown argument \"name\"",
        ),
        (
            "task_create",
            json!({ "environment": environment, "source_path": "/" }),
            "host path / is",
        ),
        ("task_create", json!({ "environment": environment, "network": true }), "have no network"),
    ] {
        let refusal = client.refused(tool, arguments).await;
        assert!(refusal["message"].as_str().unwrap().contains(message), "{refusal}");
    }
    let wrong = client.refused("task_status", json!({ "task_id": "x" })).await;
    assert_eq!(wrong["hint"], "take the task_id that task_create gave");
}

#[tokio::test]
async fn no_tool_takes_an_argument_that_its_schema_lacks() {
    for profile in [Profile::WorkspaceFull, Profile::Task] {
        let mut client = Client::connected(profile, Grants::default(), "2025-11-25").await;
        for tool in crate::contract::tools(profile, Grants::default()) {
            let refusal =
                client.refused(tool["name"].as_str().unwrap(), json!({ "bogus": 1 })).await;
            let message = refusal["message"].as_str().unwrap();
            assert!(message.contains("unknown argument \"bogus\""), "{}: {refusal}", tool["name"]);
        }
    }
}

#[tokio::test]
async fn what_is_granted_is_not_denied() {
    let grants = Grants { network: true, host_compat: true, ..Grants::default() };
    let mut client = Client::connected(Profile::VmRun, grants, "2025-11-25").await;
    let arguments = json!({ "environment": "debian:12", "command": "true", "network": true });
    assert_ne!(client.refused("vm_run", arguments).await["kind"], "denied");
}

#[tokio::test]
async fn environments_are_listed_one_item_each() {
    let mut client = full().await;
    let result = client.call("vm_list_environments", json!({})).await;
    let listed = result["structuredContent"]["result"].as_array().unwrap();
    assert_eq!(listed.len(), 3);
    assert_eq!(result["content"].as_array().unwrap().len(), 3);
    assert_eq!(listed[0]["name"], "debian:12");
}

#[tokio::test]
async fn malformed_and_huge_messages_end_nothing() {
    let mut client = full().await;
    for line in ["{\n", "not json\n", "\u{0}\n", "[]\n", "{\"jsonrpc\":\"2.0\"}\n", "\n"] {
        client.write(line).await;
    }
    assert_eq!(client.ask("ping", json!({})).await["result"], json!({}));
    let huge = "x".repeat(16 * 1024 * 1024);
    let arguments = json!({ "environment": "debian:12", "command": huge });
    let refusal = client.refused("vm_run", arguments).await;
    assert!(refusal["message"].as_str().unwrap().contains("16777216 characters long"));
    let refusal = client.refused("vm_run", json!({ huge: 1 })).await;
    assert!(refusal.to_string().len() < 1000, "what was wrong is not repeated at length");
    assert_eq!(client.ask("ping", json!({})).await["result"], json!({}));
}

#[tokio::test]
async fn piped_requests_are_answered_before_the_end() {
    let mut client = full().await;
    for _ in 0..50 {
        client.request("tools/list", json!({})).await;
    }
    let last = client.request("tools/call", json!({ "name": "vm_list_environments" })).await;
    let began = Instant::now();
    client.input.take();
    let mut answers = 0;
    while let Some(answer) = client.read().await {
        answers += u64::from(answer["id"].is_u64());
        assert!(answer["id"].as_u64().unwrap() <= last);
    }
    assert_eq!(answers, 51);
    (&mut client.served).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn an_end_before_the_handshake_is_no_fault() {
    let mut client = Client::silent(Profile::VmRun, Grants::default());
    client.input.take();
    assert!(client.read().await.is_none());
    (&mut client.served).await.unwrap();
}

#[tokio::test]
async fn a_server_that_ends_says_so_to_its_client() {
    let mut client = full().await;
    client.ending.begin();
    assert!(client.read().await.is_none());
    (&mut client.served).await.unwrap();
}
