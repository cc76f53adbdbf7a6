//! Each tool once, as a model calls them.

use super::client::Client;
use crate::home::{ENVIRONMENT, Home};
use crate::on_each_engine;
use serde_json::{Value, json};

on_each_engine!(
    a_command_runs_and_tells_its_progress,
    a_vm_lives_as_its_tools_say,
    a_long_output_is_paged_through,
    a_command_has_what_it_is_given,
    calls_run_beside_each_other,
);

fn a_command_runs_and_tells_its_progress(home: &Home) {
    let mut client = Client::connected(home, &["--profile", "vm-run"]);
    let command = "git --version; sleep 3; echo oops >&2; exit 3";
    let id = client.begin("vm_run", json!({ "environment": ENVIRONMENT, "command": command }));
    let (mut words, mut before) = (Vec::new(), 0.0);
    let answer = loop {
        let message = client.read().unwrap();
        if message["id"] == id {
            break message;
        }
        let done = message["params"]["progress"].as_f64().unwrap();
        assert!(done > before && message["params"]["progressToken"] == id, "{message}");
        before = done;
        words.push(message["params"]["message"].as_str().unwrap().to_owned());
    };
    assert!(words.first().is_some_and(|words| words.starts_with("starting")), "{words:?}");
    assert!(words.iter().any(|words| words.starts_with("running: git version")), "{words:?}");
    let ran = &answer["result"]["structuredContent"];
    assert_eq!((&ran["exit_code"], &ran["timed_out"]), (&json!(3), &json!(false)), "{answer}");
    assert!(ran["stdout"].as_str().unwrap().starts_with("git version 2."), "{ran}");
    assert_eq!((&ran["stderr"], &ran["execution_mode"]), (&json!("oops\n"), &json!(home.mode())));
    assert_eq!(
        (&ran["cleanup"]["deleted"], &answer["result"]["isError"]),
        (&json!(true), &json!(false))
    );
    // Its stdin is empty, and not the client's.
    let read =
        client.done("vm_run", json!({ "environment": ENVIRONMENT, "command": "cat; echo over" }));
    assert_eq!((&read["stdout"], &read["timed_out"]), (&json!("over\n"), &json!(false)), "{read}");
    let late = client.done(
        "vm_run",
        json!({ "environment": ENVIRONMENT, "command": "echo early; sleep 60", "timeout_seconds": "10" }),
    );
    assert_eq!(
        (&late["exit_code"], &late["timed_out"], &late["stdout"]),
        (&json!(124), &json!(true), &json!("early\n"))
    );
    assert!(client.leave().success());
}

fn a_vm_lives_as_its_tools_say(home: &Home) {
    let mut client = Client::connected(home, &[]);
    let created = client.done("vm_create", json!({ "environment": ENVIRONMENT, "mem_mib": 512 }));
    let vm = json!({ "vm_id": created["vm_id"] });
    assert_eq!(
        (&created["state"], &created["execution_mode"]),
        (&json!("created"), &json!("pending"))
    );
    let execute = |vm: &Value, command: &str| json!({ "vm_id": vm["vm_id"], "command": command });
    assert_eq!(client.refused("vm_exec", execute(&vm, "true"))["kind"], "wrong_state");
    assert_eq!(client.done("vm_start", vm.clone())["state"], "started");
    assert_eq!(client.done("vm_network_info", vm.clone())["network_enabled"], false);
    for _ in 0..2 {
        assert_eq!(client.done("vm_stop", vm.clone())["state"], "stopped");
    }
    assert_eq!(client.done("vm_start", vm.clone())["state"], "started");
    assert_eq!(client.done("vm_status", vm.clone())["execution_mode"], home.mode());
    let ran = client.done("vm_exec", execute(&vm, "uname -s"));
    assert_eq!((&ran["stdout"], &ran["cleanup"]["deleted"]), (&json!("Linux\n"), &json!(true)));
    assert_eq!(client.refused("vm_status", vm.clone())["kind"], "not_found");
    let other = client.done("vm_create", json!({ "environment": ENVIRONMENT }));
    let deleted = client.done("vm_delete", json!({ "vm_id": other["vm_id"] }));
    assert_eq!(
        (&deleted["deleted"], &deleted["reason"]),
        (&json!(true), &json!("explicit_delete"))
    );
    assert_eq!(
        client.done("vm_reap_expired", json!({})),
        json!({ "count": 0, "deleted_vm_ids": [] })
    );
    for id in ["../../etc", "0123456789AB", "", "0123456789abc"] {
        assert_eq!(
            client.refused("vm_delete", json!({ "vm_id": id }))["kind"],
            "invalid_input",
            "{id}"
        );
    }
    assert!(client.leave().success());
}

fn a_long_output_is_paged_through(home: &Home) {
    let mut client = Client::connected(home, &["--profile", "workspace-core"]);
    // Nine bytes a line.
    let command = "i=0; seq -f '%08.0f' 1 400000";
    let ran = client.done(
        "vm_run",
        json!({ "environment": ENVIRONMENT, "command": command, "timeout_seconds": 290 }),
    );
    assert_eq!((&ran["stdout_truncated"], &ran["stdout_bytes"]), (&json!(true), &json!(3_600_000)));
    let inline = ran["stdout"].as_str().unwrap();
    assert!(
        inline.len() < 16_384 && inline.starts_with("00000001\n") && inline.ends_with("00400000\n")
    );
    let (mut whole, mut offset) = (String::new(), json!(0));
    while !offset.is_null() {
        let page = client.done(
            "output_read",
            json!({ "name": ran["stdout_file"], "offset": offset, "length": 65_536 }),
        );
        whole += page["text"].as_str().unwrap();
        offset = page["next_offset"].clone();
    }
    assert_eq!(whole.len(), 3_600_000);
    assert!(whole.lines().zip(1..).all(|(line, number)| line == format!("{number:08}")));
    let refused = client.refused("output_read", json!({ "name": "../vms" }));
    assert_eq!(refused["kind"], "invalid_input", "{refused}");
    assert!(client.leave().success());
}

fn a_command_has_what_it_is_given(home: &Home) {
    let mut client = Client::connected(home, &[]);
    let line = "echo $(id -u):$(id -g) $(pwd) \"$A\"; cat; echo end > /dev/stdout";
    let given = |place: Value, user: &str, cwd: &str| {
        let mut arguments =
            json!({ "command": line, "user": user, "cwd": cwd, "env": { "A": "b=\"c\"\n" } });
        arguments["stdin"] = json!("ä\n\u{0}");
        arguments.as_object_mut().unwrap().extend(place.as_object().unwrap().clone());
        arguments
    };
    let nothing = json!({ "user": null, "cwd": null, "env": null, "stdin": null });
    let expected = |cwd: &str| json!(format!("33:4 {cwd} b=\"c\"\n\nä\n\u{0}end\n"));
    let environment = json!({ "environment": ENVIRONMENT });
    let ran = client.done("vm_run", given(environment.clone(), "www-data:adm", "/usr"));
    assert_eq!((&ran["stdout"], &ran["stderr"]), (&expected("/usr"), &json!("")), "{ran}");

    let vm = json!({ "vm_id": client.done("vm_create", environment.clone())["vm_id"] });
    client.done("vm_start", vm.clone());
    // What cannot begin leaves the vm as it was.
    for (user, cwd, kind) in
        [("ghost", "/", "not_found"), ("", "/", "invalid_input"), ("0", "tmp", "invalid_input")]
    {
        let refused = client.refused("vm_exec", given(vm.clone(), user, cwd));
        assert!(refused["kind"] == kind && refused["hint"].is_string(), "{refused}");
    }
    let ran = client.done("vm_exec", given(vm, "33:4", "/usr"));
    assert_eq!((&ran["stdout"], &ran["stderr"]), (&expected("/usr"), &json!("")), "{ran}");

    let workspace =
        json!({ "workspace_id": client.done("workspace_create", environment)["workspace_id"] });
    let mut making = workspace.clone();
    making["command"] = json!("mkdir below; id -u; cat");
    making.as_object_mut().unwrap().extend(nothing.as_object().unwrap().clone());
    assert_eq!(client.done("workspace_exec", making)["stdout"], "0\n");
    let ran = client.done("workspace_exec", given(workspace.clone(), "www-data:adm", "below"));
    assert_eq!(
        (&ran["stdout"], &ran["user"]),
        (&expected("/workspace/below"), &json!("www-data:adm")),
        "{ran}"
    );
    let mut wrong = given(workspace.clone(), "0", "below");
    wrong["env"] = json!({ "A=B": "c" });
    assert_eq!(client.refused("workspace_exec", wrong)["kind"], "invalid_input");
    client.done("workspace_delete", workspace);
    assert!(client.leave().success());
}

fn calls_run_beside_each_other(home: &Home) {
    let mut client = Client::connected(home, &["--concurrency", "4"]);
    let slow = client.begin_waiting();
    assert_eq!(client.ask("ping", json!({}))["result"], json!({}));
    let ran =
        client.done("vm_run", json!({ "environment": ENVIRONMENT, "command": "echo beside" }));
    assert_eq!(ran["stdout"], "beside\n");
    client.say(&json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": slow } }));
    assert!(client.leave().success());
}
