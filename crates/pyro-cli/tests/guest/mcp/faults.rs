//! Anybody vanishes, at any moment: no vm is left, and nothing is lost.

use super::client::{Client, WAITS};
use super::guests;
use super::http::Http;
use crate::home::{ENVIRONMENT, Home, LIMIT, assert_soon, eventually, kill};
use crate::on_each_engine;
use crate::workspace::{done, sql_row};
use crate::workspace_files::bomb;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

on_each_engine!(
    a_client_that_says_no_more_takes_its_vms_along,
    a_killed_server_takes_its_vms_along,
    whoever_vanishes_while_a_workspace_is_created_leaves_nothing,
    a_stopped_server_clears_away,
    a_cancelled_call_ends_its_command,
    a_cancelled_call_in_the_queue_never_runs,
    output_without_end_fills_nothing,
    a_client_that_does_not_read_loses_nothing,
);

fn assert_gone_since(home: &Home, began: Instant) {
    eventually("end of the guests", || (guests(home) == 0).then_some(()));
    assert_soon(began, "the end of the guests");
}

fn a_client_that_says_no_more_takes_its_vms_along(home: &Home) {
    let mut client = Client::connected(home, &[]);
    let mut asked = BTreeSet::from([client.begin_waiting(), client.begin_waiting()]);
    assert_eq!(guests(home), 2);
    let began = Instant::now();
    client.stdin.take();
    // Whoever still listens is told of each call's end.
    while let Some(message) = client.read() {
        if let Some(id) = message["id"].as_u64() {
            assert!(asked.remove(&id) && message["result"]["isError"] == true, "{message}");
        }
    }
    assert_gone_since(home, began);
    assert!(asked.is_empty() && client.ended().success());
}

fn a_killed_server_takes_its_vms_along(home: &Home) {
    let mut client = Client::connected(home, &[]);
    client.begin_waiting();
    let began = Instant::now();
    client.child.kill().unwrap();
    assert_gone_since(home, began);
    client.ended();
    home.assert_clean();
}

/// Hold the engine of the workspace that is being created while its seed is on the way, which then
/// never arrives.
fn hold_the_seed(home: &Home) {
    eventually("seed that is on its way", || {
        (sql_row(home, "SELECT state FROM vm") == "started").then_some(())
    });
    kill(home.process("-no-user-config"), "-STOP");
    let record = "SELECT change || ifnull(baseline_layer, '') FROM workspace";
    assert_eq!(sql_row(home, record), "creating", "it has taken 6 GB already");
}

fn whoever_vanishes_while_a_workspace_is_created_leaves_nothing(home: &Home) {
    let seed = bomb(home);
    let grant = ["--allow-path", home.path().to_str().unwrap()];
    let arguments = json!({ "environment": ENVIRONMENT, "mem_mib": 512, "seed_path": seed });
    // A client that says no more, and listens.
    let mut client = Client::connected(home, &grant);
    let id = client.begin("workspace_create", arguments.clone());
    hold_the_seed(home);
    client.stdin.take();
    let answer = client.until(|message| message["id"] == id);
    assert_eq!(answer["result"]["isError"], true, "{answer}");
    assert!(client.ended().success());
    home.assert_clean();
    // One that is killed.
    let (mut client, mut server) = client_process(home, &grant, &arguments);
    hold_the_seed(home);
    client.kill().unwrap();
    client.wait().unwrap();
    eventually("end of the server", || server.try_wait().unwrap());
    home.assert_clean();
    // A server that is killed, and cannot clear away: the next command does.
    let mut client = Client::connected(home, &grant);
    client.begin("workspace_create", arguments);
    hold_the_seed(home);
    client.child.kill().unwrap();
    client.ended();
    assert_eq!(done(home, "list", &[])["count"], 0);
    home.assert_clean();
}

/// A client in a process of its own, which has asked for a workspace and reads no answer, and its
/// server.
fn client_process(home: &Home, flags: &[&str], arguments: &Value) -> (Child, Child) {
    let about = json!({ "name": "test", "version": "1" });
    let hello = json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": about });
    let said = [
        json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello }),
        json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }),
        json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/call",
                "params": { "name": "workspace_create", "arguments": arguments } }),
    ];
    let (server_reads, client_writes) = std::io::pipe().unwrap();
    let (client_reads, server_writes) = std::io::pipe().unwrap();
    let mut server = home.pyro(&[&["mcp", "serve"], flags].concat());
    let server =
        server.stdin(server_reads).stdout(server_writes).stderr(Stdio::inherit()).spawn().unwrap();
    let mut client = Command::new("sh");
    client
        .args(["-c", "printf '%s\\n' \"$@\"; exec sleep 300", "sh"])
        .args(said.map(|message| message.to_string()));
    let client = client.stdin(client_reads).stdout(client_writes).spawn().unwrap();
    (client, server)
}

fn a_stopped_server_clears_away(home: &Home) {
    for signal in ["-TERM", "-INT", "-HUP"] {
        let mut client = Client::connected(home, &[]);
        client.begin_waiting();
        let began = Instant::now();
        kill(i32::try_from(client.child.id()).unwrap(), signal);
        assert_gone_since(home, began);
        assert_eq!(client.ended().code(), Some(0), "{signal}");
        let left: Vec<_> =
            home.leftovers().into_iter().filter(|line| !line.contains("supervise")).collect();
        assert!(left.is_empty(), "the server waits for the end of its vms: {left:?}");
    }
}

fn a_cancelled_call_ends_its_command(home: &Home) {
    let mut client = Client::connected(home, &[]);
    let id = client.begin_waiting();
    let began = Instant::now();
    client.say(&json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": id } }));
    assert_gone_since(home, began);
    assert_eq!(client.ask("ping", json!({}))["result"], json!({}));
    assert!(client.leave().success());
}

fn a_cancelled_call_in_the_queue_never_runs(home: &Home) {
    let log = home.path().join("server.log");
    let mut command = home.pyro(&["mcp", "serve", "--concurrency", "1"]);
    let mut client = Client::of(
        command.stderr(File::create(&log).unwrap()).env("PYRO_LOG", "pyro_core::vm=info"),
    );
    let first = client.begin_waiting();
    let second =
        client.begin("vm_run", json!({ "environment": ENVIRONMENT, "command": "seq 1 100000" }));
    client.until(|message| {
        message["params"]["message"].as_str().is_some_and(|words| words.starts_with("queued"))
    });
    for id in [second, first] {
        client.say(&json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": id } }));
    }
    assert_eq!(
        client.done("vm_run", json!({ "environment": ENVIRONMENT, "command": "echo next" }))["stdout"],
        "next\n"
    );
    assert!(client.leave().success());
    // Those two had a vm, and it had none; it would have left its output.
    let log = std::fs::read_to_string(&log).unwrap();
    assert_eq!(log.matches("started in").count(), 2, "{log}");
    assert_eq!(home.names("outputs"), [""; 0]);
}

fn output_without_end_fills_nothing(home: &Home) {
    let mut client = Client::connected(home, &[]);
    let arguments = json!({ "environment": ENVIRONMENT, "command": "yes", "timeout_seconds": 10 });
    let id = client.begin("vm_run", arguments);
    assert_eq!(client.ask("ping", json!({}))["result"], json!({}));
    let answer = client.until(|message| message["id"] == id);
    let ran = &answer["result"]["structuredContent"];
    assert_eq!(
        (&ran["timed_out"], &ran["stdout_truncated"]),
        (&json!(true), &json!(true)),
        "{answer}"
    );
    assert!(
        ran["stdout_bytes"].as_u64().unwrap() > 1_000_000
            && ran["stdout"].as_str().unwrap().len() < 16_384
    );
    assert!(client.leave().success());
}

fn a_client_that_does_not_read_loses_nothing(home: &Home) {
    const PRINTED: u64 = 588_895;
    let mut client = Client::connected(home, &[]);
    let command = "seq 1 100000; touch /done";
    let arguments =
        json!({ "environment": ENVIRONMENT, "command": command, "timeout_seconds": 60 });
    let asked: Vec<u64> = (0..3).map(|_| client.begin("vm_run", arguments.clone())).collect();
    // More than a pipe holds waits to be read, and the work is done nevertheless: what each command
    // printed is there.
    let whole = |file: &String| std::fs::metadata(file).is_ok_and(|meta| meta.len() == PRINTED);
    eventually("three outputs", || {
        (home.names("outputs").iter().filter(|file| whole(file)).count() == 3).then_some(())
    });
    eventually("end of the guests", || (guests(home) == 0).then_some(()));
    let mut answered = BTreeSet::new();
    while answered.len() < asked.len() {
        let message = client.read().unwrap();
        if let Some(id) = message["id"].as_u64() {
            assert_eq!(
                message["result"]["structuredContent"]["stdout_bytes"], PRINTED,
                "{message}"
            );
            answered.insert(id);
        }
    }
    assert_eq!(answered, asked.into_iter().collect());
    assert!(client.leave().success());
}

#[test]
fn a_hundred_calls_at_once_wait_for_their_turn_and_none_is_lost() {
    let home = Home::tcg();
    let mut client = Client::connected(&home, &["--concurrency", "6"]);
    let call = |number: u32| json!({ "environment": ENVIRONMENT, "command": format!("echo {number}"), "mem_mib": 256 });
    let mut asked: BTreeSet<u64> =
        (0..100).map(|number| client.begin("vm_run", call(number))).collect();
    let (mut queued, mut said) = (BTreeSet::new(), BTreeSet::new());
    while !asked.is_empty() {
        let message = client.read().unwrap();
        if let Some(id) = message["id"].as_u64() {
            let ran = &message["result"]["structuredContent"];
            assert_eq!(ran["exit_code"], 0, "{message}");
            said.insert(ran["stdout"].as_str().unwrap().trim().parse::<u32>().unwrap());
            assert!(asked.remove(&id), "answered twice: {message}");
        } else if message["params"]["message"]
            .as_str()
            .is_some_and(|words| words.starts_with("queued: 6 calls"))
        {
            queued.insert(message["params"]["progressToken"].as_u64().unwrap());
        }
        assert!(guests(&home) <= 6 + 6, "more vms than places, beside those that are ending");
    }
    // A place may have come free before the last ones had been asked for.
    assert!(said.len() == 100 && (1..=94).contains(&queued.len()), "{} queued", queued.len());
    assert!(client.leave().success());
}

/// A call over HTTP as 2026-07-28 makes it, under way: the connection, once its command runs.
fn calling(url: &str) -> std::net::TcpStream {
    let host = url.strip_prefix("http://").and_then(|rest| rest.strip_suffix("/mcp")).unwrap();
    let meta = json!({
        "progressToken": 1,
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "1" },
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let arguments = json!({ "environment": ENVIRONMENT, "command": WAITS, "timeout_seconds": 290 });
    let params = json!({ "name": "vm_run", "arguments": arguments, "_meta": meta });
    let body =
        json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params }).to_string();
    let mut stream = std::net::TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    write!(
        stream,
        "POST /mcp HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nMCP-Protocol-Version: 2026-07-28\r\n\
         Mcp-Method: tools/call\r\nMcp-Name: vm_run\r\nAccept: application/json, text/event-stream\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("running: up")), "the command runs");
    stream
}

#[test]
fn a_client_of_http_that_vanishes_takes_its_vm_along() {
    let home = Home::tcg();
    let server = Http::start(&home, &[]);
    let stream = calling(&server.url);
    let began = Instant::now();
    stream.shutdown(std::net::Shutdown::Both).unwrap();
    drop(stream);
    assert_gone_since(&home, began);
    server.stop();
}

#[test]
fn a_stopped_server_of_http_clears_away() {
    let home = Home::tcg();
    let server = Http::start(&home, &[]);
    let _stream = calling(&server.url);
    let began = Instant::now();
    server.stop();
    assert_gone_since(&home, began);
}
