//! Messages that JSON-RPC or rmcp leave without an answer, and batches.

use crate::client::Client;
use pyro_mcp::{Grants, Profile};
use serde_json::{Value, json};

async fn connected(revision: &str) -> Client {
    Client::connected(Profile::VmRun, Grants::default(), revision).await
}

fn call(id: u32, arguments: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"vm_run","arguments":{arguments}}}}}"#
    )
}

async fn said(client: &mut Client, line: &str) -> Value {
    client.write(&format!("{line}\n")).await;
    client.read().await.expect("an answer")
}

#[tokio::test]
async fn half_a_character_is_answered() {
    let mut client = connected("2025-06-18").await;
    let arguments = r#"{"environment":"debian:12","command":"echo \ud83d","network":"false"}"#;
    let answer = said(&mut client, &call(7, arguments)).await;
    assert_eq!((&answer["id"], &answer["result"]["isError"]), (&json!(7), &json!(true)));
    assert!(answer["result"]["content"][0]["text"].as_str().unwrap().contains("qemu"), "{answer}");
}

#[tokio::test]
async fn what_cannot_be_routed_is_refused_with_its_code() {
    let mut client = connected("2025-11-25").await;
    for (line, id, code) in [
        (call(1, "[]"), json!(1), -32602),
        (call(2, r#""{}""#), json!(2), -32602),
        ("{".to_owned(), Value::Null, -32700),
        ("no json".to_owned(), Value::Null, -32700),
        (r#"{"jsonrpc":"2.0"}"#.to_owned(), Value::Null, -32600),
        ("[]".to_owned(), Value::Null, -32600),
        (r#"{"jsonrpc":"2.0","id":3,"method":"tools/explode"}"#.to_owned(), json!(3), -32601),
    ] {
        let answer = said(&mut client, &line).await;
        assert_eq!(
            (&answer["id"], &answer["error"]["code"]),
            (&id, &json!(code)),
            "{line}: {answer}"
        );
    }
    client.write("\n\u{feff}\r\n").await;
    assert_eq!(client.ask("ping", json!({})).await["result"], json!({}));
}

#[tokio::test]
async fn many_malformed_lines_are_each_answered() {
    let mut client = connected("2025-11-25").await;
    for _ in 0..100 {
        client.write("{\n").await;
    }
    for _ in 0..100 {
        assert_eq!(client.read().await.unwrap()["error"]["code"], -32700);
    }
}

#[tokio::test]
async fn a_last_line_needs_no_end() {
    let mut client = connected("2025-11-25").await;
    client.write(r#"{"jsonrpc":"2.0","id":9,"method":"ping"}"#).await;
    client.input.take();
    assert_eq!(client.read().await.unwrap()["id"], 9);
}

#[tokio::test]
async fn a_batch_is_answered_with_one_array() {
    let mut client = connected("2025-03-26").await;
    let ping = |id: u32| json!({ "jsonrpc": "2.0", "id": id, "method": "ping" });
    let initialize = json!({ "jsonrpc": "2.0", "id": 12, "method": "initialize", "params": {} });
    let notification = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    let batch = json!([ping(10), notification, ping(11), initialize, { "jsonrpc": "2.0", "id": 13, "method": "tools/call" }]);
    let answer = said(&mut client, &batch.to_string()).await;
    let mut told: Vec<(String, Option<i64>)> = answer
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["id"].to_string(), one["error"]["code"].as_i64()))
        .collect();
    told.sort();
    let expected = [("10", None), ("11", None), ("13", Some(-32602)), ("null", Some(-32600))];
    assert_eq!(told, expected.map(|(id, code)| (id.to_owned(), code)));
    // Nobody waits for an answer to these.
    client.write(&format!("{}\n", json!([notification]))).await;
    assert_eq!(client.ask("ping", json!({})).await["result"], json!({}));
    let listed = json!([{ "jsonrpc": "2.0", "id": 20, "method": "tools/list" }]);
    assert_eq!(
        said(&mut client, &listed.to_string()).await[0]["result"]["tools"][0]["name"],
        "vm_run"
    );
}

#[tokio::test]
async fn other_revisions_have_no_batches() {
    for revision in ["2024-11-05", "2025-06-18", "2025-11-25"] {
        let mut client = connected(revision).await;
        let answer = said(&mut client, r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#).await;
        assert_eq!(answer["error"]["code"], -32600, "{revision}: {answer}");
    }
}
