//! Shells as a model uses them.

use crate::home::{ENVIRONMENT, Home};
use crate::mcp::client::Client;
use crate::{on_each_engine, on_the_host};
use serde_json::{Value, json};

on_each_engine!(a_model_works_in_a_shell);
on_the_host!(a_model_works_in_a_shell);

fn a_model_works_in_a_shell(home: &Home) {
    let mut client = Client::connected(home, home.allowed());
    let mut ask = json!({ "environment": ENVIRONMENT, "mem_mib": 512 });
    if home.is_host() {
        ask["allow_host_compat"] = json!(true);
    }
    let workspace = client.done("workspace_create", ask);
    let id = workspace["workspace_id"].as_str().unwrap().to_owned();
    let opened = client.done("shell_open", json!({ "workspace_id": id }));
    let one = opened["shell_id"].as_str().unwrap().to_owned();
    let on = |more: Value| {
        let mut arguments = json!({ "workspace_id": id, "shell_id": one });
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        arguments
    };
    client.done("shell_write", on(json!({ "input": "read -r -p 'Na''me? ' name; seq 9000" })));
    let read = |client: &mut Client, cursor: &Value| {
        client.done(
            "shell_read",
            on(json!({ "plain": true, "wait_for_idle_ms": 500, "cursor": cursor })),
        )
    };
    let asked = read(&mut client, &json!(0));
    assert!(asked["output"].as_str().unwrap().ends_with("\nName? "), "{asked}");
    client.done("shell_write", on(json!({ "input": "Ada" })));
    // What does not fit a result is read by the next calls, and none of it is left out.
    let (mut text, mut cursor, mut calls) = (String::new(), asked["next_cursor"].clone(), 0);
    while !text.ends_with("\n9000\npyro$ ") {
        let more = read(&mut client, &cursor);
        text.push_str(more["output"].as_str().unwrap());
        cursor = more["next_cursor"].clone();
        calls += 1;
        assert!(calls < 50 && !text.contains("omitted"), "{text}");
    }
    let numbers: Vec<String> = (1..=9000).map(|number: u32| number.to_string()).collect();
    assert!(text.contains(&format!("\n{}\npyro$ ", numbers.join("\n"))), "{text}");
    let line = "clear; sh -c 'echo beg''un; exec sleep 300'";
    client.done("shell_write", on(json!({ "input": line })));
    let screen = |client: &mut Client| {
        let read = client.done("shell_read", on(json!({ "screen": true })));
        read["output"].as_str().unwrap().to_owned()
    };
    crate::home::eventually("the job", || (screen(&mut client) == "begun").then_some(()));
    let signalled = client.done("shell_signal", on(json!({ "signal_name": "INT" })));
    assert_eq!(signalled["signal"], "INT");
    crate::home::eventually("the prompt", || {
        screen(&mut client).ends_with("\npyro$").then_some(())
    });
    assert_eq!(client.done("shell_close", on(json!({})))["closed"], true);
    assert_eq!(client.refused("shell_read", on(json!({})))["kind"], "not_found");
    client.done("workspace_delete", json!({ "workspace_id": id }));
    assert!(client.leave().success());
}
