//! Granted host paths, and a model that moves what lies below them while its calls wait.

use super::client::Client;
use crate::home::{ENVIRONMENT, Home, eventually, kill};
use crate::on_each_engine;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

on_each_engine!(
    a_link_that_came_while_a_call_waited_leads_nowhere,
    an_export_that_nobody_wants_leaves_nothing,
);

/// The answers to these calls, all of which had their paths judged before the first of them began.
fn behind_each_other(client: &mut Client, calls: &[(&str, Value)]) -> Vec<Value> {
    let holds = client.begin_waiting();
    let ids: Vec<u64> = calls
        .iter()
        .map(|(tool, arguments)| {
            let id = client.begin(tool, arguments.clone());
            let is_queued = |message: &Value| {
                let words = message["params"]["message"].as_str();
                message["params"]["progressToken"] == id
                    && words.is_some_and(|words| words.starts_with("queued"))
            };
            client.until(is_queued);
            id
        })
        .collect();
    client.say(&json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": holds } }));
    // Those that are refused at once may overtake each other on their way out.
    let mut answers = BTreeMap::new();
    while answers.len() < ids.len() {
        let mut answer =
            client.until(|message| message["id"].as_u64().is_some_and(|id| ids.contains(&id)));
        answers.insert(answer["id"].as_u64(), answer["result"].take());
    }
    answers.into_values().collect()
}

fn a_link_that_came_while_a_call_waited_leads_nowhere(home: &Home) {
    let (granted, outside) = (home.path().join("granted"), home.path().join("outside"));
    for directory in [&granted, &outside] {
        fs::create_dir(directory).unwrap();
    }
    fs::write(outside.join("secret"), "secret").unwrap();
    let mut client =
        Client::connected(home, &["--concurrency", "1", "--allow-path", granted.to_str().unwrap()]);
    let created =
        client.done("workspace_create", json!({ "environment": ENVIRONMENT, "mem_mib": 512 }));
    let id = &created["workspace_id"];
    let ran = client.done(
        "workspace_exec",
        json!({ "workspace_id": id, "command": format!("ln -s {} l && echo key > keys && mkdir tree", outside.display()) }),
    );
    assert_eq!(ran["exit_code"], 0, "{ran}");
    let export = |path: &str, output: &str, format: &str| {
        let output = granted.join(output);
        let arguments =
            json!({ "workspace_id": id, "path": path, "output_path": output, "format": format });
        ("workspace_export", arguments)
    };
    let push = (
        "workspace_sync_push",
        json!({ "workspace_id": id, "source_path": granted.join("source") }),
    );
    let seed = (
        "workspace_create",
        json!({ "environment": ENVIRONMENT, "seed_path": granted.join("source") }),
    );
    let calls = [
        export("l", "d", "dir"),
        export("keys", "d/authorized_keys", "dir"),
        export("tree", "d/new/deeper", "dir"),
        export("keys", "d/archive.tar", "tar"),
        export(".", "d/changes.patch", "patch"),
        export("l", "source", "dir"),
        push,
        seed,
    ];
    for (answer, (tool, arguments)) in behind_each_other(&mut client, &calls).iter().zip(&calls) {
        if arguments["path"] == "l" {
            assert_eq!(answer["isError"], false, "{answer}");
            continue;
        }
        assert_eq!(answer["isError"], true, "{tool} {arguments}: {answer}");
        let told: Value =
            serde_json::from_str(answer["content"][0]["text"].as_str().unwrap()).unwrap();
        assert_eq!(told["kind"], "denied", "{tool} {arguments}: {told}");
    }
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 1, "nothing was written");
    let seen =
        client.done("workspace_exec", json!({ "workspace_id": id, "command": "ls -A | sort" }));
    assert_eq!(seen["stdout"], "keys\nl\ntree\n", "nothing was read");
    // What was made below the granted directory meanwhile is no link, and used.
    let calls = [export("tree", "e", "dir"), export("keys", "e/new/keys", "dir")];
    for answer in behind_each_other(&mut client, &calls) {
        assert_eq!(answer["isError"], false, "{answer}");
    }
    assert_eq!(fs::read_to_string(granted.join("e/new/keys")).unwrap(), "key\n");
    client.done("workspace_delete", json!({ "workspace_id": id }));
    assert!(client.leave().success());
}

/// What exports are being made in a directory.
fn staged(directory: &Path) -> usize {
    let names = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name());
    names.filter(|name| name.to_string_lossy().starts_with(".pyro-")).count()
}

fn an_export_that_nobody_wants_leaves_nothing(home: &Home) {
    let granted = home.path().join("granted");
    fs::create_dir(&granted).unwrap();
    let connected = || Client::connected(home, &["--allow-path", granted.to_str().unwrap()]);
    let mut client = connected();
    let created =
        client.done("workspace_create", json!({ "environment": ENVIRONMENT, "mem_mib": 512 }));
    let id = created["workspace_id"].clone();
    let fill = "seq 1200000 | split -a 4 -d -l 400 - f";
    client.done(
        "workspace_exec",
        json!({ "workspace_id": id, "command": fill, "timeout_seconds": 120 }),
    );
    let export = |client: &mut Client| {
        // One that came to its end after all is in nobody's way.
        let output = granted.join(format!("out-{}", fs::read_dir(&granted).unwrap().count()));
        let arguments = json!({ "workspace_id": id, "path": ".", "output_path": output });
        let call = client.begin("workspace_export", arguments);
        eventually("staging", || (staged(&granted) > 0).then_some(()));
        call
    };
    for _ in 0..3 {
        let call = export(&mut client);
        client.say(&json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": call } }));
        eventually("end of what was staged", || (staged(&granted) == 0).then_some(()));
    }
    for signal in ["-TERM", "-INT"] {
        export(&mut client);
        kill(i32::try_from(client.child.id()).unwrap(), signal);
        assert!(client.ended().success());
        assert_eq!(staged(&granted), 0, "{signal}: the server waits for it");
        client = connected();
    }
    export(&mut client);
    assert!(client.leave().success());
    // It may have come to its end before the server saw that nobody wants it.
    assert_eq!(staged(&granted), 0, "the server waits for it");
    let mut client = connected();
    client.done("workspace_delete", json!({ "workspace_id": id }));
    assert!(client.leave().success());
}
