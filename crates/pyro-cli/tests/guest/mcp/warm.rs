//! Vms that stand by: each serves one command, none is handed out broken, nothing is left of any.

use super::client::Client;
use super::guests;
use super::http::Http;
use crate::home::{ENVIRONMENT, Home, assert_soon, eventually, kill};
use crate::on_each_engine;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs::File;
use std::path::PathBuf;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

on_each_engine!(
    one_that_stood_by_serves_one_command,
    what_fits_none_takes_none_and_costs_none,
    one_that_died_is_not_handed_out,
    one_that_does_not_answer_is_not_handed_out,
    a_cancelled_call_ends_the_one_it_took,
    a_server_that_ends_leaves_none,
    a_server_that_ends_while_they_start_leaves_none,
    they_are_counted_and_nobody_else_reaches_them,
);

/// A server with vms that stand by, and what it logs of them.
struct Server {
    client: Client,
    log: PathBuf,
}

impl Server {
    fn start(home: &Home, flags: &[&str]) -> Self {
        let log = home.path().join("server.log");
        let mut command = home.pyro(&[&["mcp", "serve"], flags].concat());
        command.stderr(File::create(&log).unwrap()).env("PYRO_LOG", "pyro_core::vm=info");
        Self { client: Client::of(&mut command), log }
    }

    /// Ids of all that have come to stand by, in their order.
    fn stood(&self) -> Vec<String> {
        let log = std::fs::read_to_string(&self.log).unwrap();
        let ids = log.lines().filter_map(|line| line.split_once("a vm stands by id="));
        ids.map(|(_, rest)| rest.split(' ').next().unwrap().to_owned()).collect()
    }

    /// As [`Server::stood`], as soon as they are so many.
    fn stood_so_many(&self, count: usize) -> Vec<String> {
        eventually("vm that stands by", || Some(self.stood()).filter(|stood| stood.len() >= count))
    }

    fn run(&mut self, command: &str) -> Value {
        self.client.done("vm_run", json!({ "environment": ENVIRONMENT, "command": command }))
    }

    fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }
}

fn is_of(stood: &[String], ran: &Value) -> bool {
    stood.iter().any(|id| ran["vm_id"] == *id)
}

/// The engine of this vm: its arguments name the vm's directory.
fn engine_of(home: &Home, id: &str) -> i32 {
    home.process(&format!("{id}/"))
}

fn one_that_stood_by_serves_one_command(home: &Home) {
    let mut server = Server::start(home, &["--warm", "2"]);
    let own = "test ! -e /marker && touch /marker && cat /etc/machine-id /proc/sys/kernel/random/boot_id /etc/hostname && \
               head -c 32 /dev/urandom | od -An -v -tx1 -w32 && date +%s";
    let mut told = BTreeSet::new();
    for used in 0..4 {
        let stood = server.stood_so_many(2 + used);
        let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let before = now();
        let ran = server.run(own);
        assert_eq!(
            (&ran["exit_code"], &ran["execution_mode"]),
            (&json!(0), &json!(home.mode())),
            "{ran}"
        );
        assert!(is_of(&stood, &ran) && ran["cleanup"]["deleted"] == true, "{ran}");
        assert!(told.insert(ran["vm_id"].as_str().unwrap().to_owned()), "used twice: {ran}");
        let lines: Vec<&str> = ran["stdout"].as_str().unwrap().lines().map(str::trim).collect();
        assert!(
            lines.len() == 5 && lines[..4].iter().all(|line| told.insert((*line).to_owned())),
            "{ran}"
        );
        let time: u64 = lines[4].parse().unwrap();
        assert!((before - 1..=now() + 1).contains(&time), "{ran}");
    }
    // Whatever way it ends, the command is as it would be in any vm.
    server.stood_so_many(6);
    assert_eq!(server.run("echo oops >&2; exit 3")["exit_code"], 3);
    server.stood_so_many(7);
    let late = json!({ "environment": ENVIRONMENT, "command": "sleep 60", "timeout_seconds": 1, "ttl_seconds": 60 });
    assert_eq!(server.client.done("vm_run", late)["exit_code"], 124);
    assert!(server.client.leave().success());
}

fn what_fits_none_takes_none_and_costs_none(home: &Home) {
    let mut server = Server::start(home, &["--warm", "1"]);
    let stood = server.stood_so_many(1);
    let other = json!({ "environment": ENVIRONMENT, "command": "true", "mem_mib": 512 });
    assert!(!is_of(&stood, &server.client.done("vm_run", other)));
    let nowhere =
        server.client.refused("vm_run", json!({ "environment": "debian:0", "command": "true" }));
    assert_eq!(nowhere["kind"], "invalid_input", "{nowhere}");
    assert!(is_of(&stood, &server.run("true")), "it stands by still");
    assert!(server.client.leave().success());
}

fn one_that_died_is_not_handed_out(home: &Home) {
    let mut server = Server::start(home, &["--warm", "2"]);
    let stood = server.stood_so_many(2);
    // The one that would be handed out, at once, while nobody may have noticed yet.
    kill(engine_of(home, &stood[0]), "-KILL");
    let ran = server.run("echo alive");
    assert_eq!((&ran["stdout"], &ran["vm_id"]), (&json!("alive\n"), &json!(stood[1])), "{ran}");
    let stood = server.stood_so_many(4);
    let supervisors =
        || home.processes().into_iter().filter(|vm| vm.1.contains("supervise")).map(|vm| vm.0);
    eventually("two supervisors and no more", || (supervisors().count() == 2).then_some(()));
    supervisors().for_each(|pid| kill(pid, "-KILL"));
    let ran = server.run("echo alive");
    assert!(ran["stdout"] == "alive\n" && !is_of(&stood, &ran), "{ran}");
    let replaced = server.stood_so_many(5);
    let ran = server.run("echo alive");
    assert!(ran["stdout"] == "alive\n" && is_of(&replaced[4..], &ran), "{ran}: {}", server.log());
    assert!(server.client.leave().success());
}

fn one_that_does_not_answer_is_not_handed_out(home: &Home) {
    let mut server = Server::start(home, &["--warm", "1"]);
    let stood = server.stood_so_many(1);
    kill(engine_of(home, &stood[0]), "-STOP");
    let ran = server.run("echo alive");
    assert!(ran["stdout"] == "alive\n" && !is_of(&stood, &ran), "{ran}");
    assert!(server.log().contains("does not answer"), "{}", server.log());
    assert!(server.client.leave().success());
}

fn a_cancelled_call_ends_the_one_it_took(home: &Home) {
    let mut server = Server::start(home, &["--warm", "1"]);
    let stood = server.stood_so_many(1);
    let id = server.client.begin_waiting();
    let engine = engine_of(home, &stood[0]);
    let began = Instant::now();
    let cancelled = json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": id } });
    server.client.say(&cancelled);
    eventually("end of the vm", || home.processes().iter().all(|vm| vm.0 != engine).then_some(()));
    assert_soon(began, "the end of the vm");
    assert!(server.client.leave().success());
}

/// Let the server end in this way; nothing is left soon, even where it could not see to that.
fn assert_leaves_none(home: &Home, mut server: Server, way: &str) {
    let began = Instant::now();
    match way {
        "EOF" => drop(server.client.stdin.take()),
        signal => kill(i32::try_from(server.client.child.id()).unwrap(), signal),
    }
    eventually("end of the guests", || (guests(home) == 0).then_some(()));
    assert_soon(began, &format!("{way}: the end of the guests"));
    let status = server.client.ended();
    if way == "-KILL" {
        return home.assert_clean();
    }
    assert_eq!(status.code(), Some(0), "{way}");
    let left: Vec<_> =
        home.leftovers().into_iter().filter(|line| !line.contains("supervise")).collect();
    assert!(left.is_empty(), "{way}: the server waits for their end: {left:?}");
}

fn a_server_that_ends_leaves_none(home: &Home) {
    for way in ["-TERM", "EOF", "-KILL"] {
        let mut server = Server::start(home, &["--warm", "2"]);
        server.stood_so_many(2);
        // One of them runs a command.
        server.client.begin_waiting();
        assert_leaves_none(home, server, way);
    }
}

fn a_server_that_ends_while_they_start_leaves_none(home: &Home) {
    for way in ["-TERM", "EOF", "-KILL"] {
        for begun in ["supervise", "-no-user-config"] {
            let server = Server::start(home, &["--warm", "2"]);
            home.process(begun);
            assert_leaves_none(home, server, way);
        }
    }
}

fn they_are_counted_and_nobody_else_reaches_them(home: &Home) {
    let mut server = Server::start(home, &["--warm", "2"]);
    let stood = server.stood_so_many(2);
    let counted = || -> Value {
        let doctor = home.pyro(&["doctor", "--quick", "--json"]).output().unwrap();
        serde_json::from_slice::<Value>(&doctor.stdout).unwrap()["vms"].take()
    };
    assert_eq!(counted(), json!({ "one_shot": 0, "standby": 2, "vm": 0, "workspace": 0 }));
    let created = server.client.done("vm_create", json!({ "environment": ENVIRONMENT }));
    assert_eq!(counted()["vm"], 0, "it does not run");
    let vm = json!({ "vm_id": created["vm_id"] });
    server.client.done("vm_start", vm.clone());
    assert_eq!(counted(), json!({ "one_shot": 0, "standby": 2, "vm": 1, "workspace": 0 }));
    for tool in ["vm_status", "vm_delete", "vm_stop"] {
        assert_eq!(
            server.client.refused(tool, json!({ "vm_id": stood[0] }))["kind"],
            "not_found",
            "{tool}"
        );
    }
    server.client.done("vm_delete", vm);
    assert!(server.client.leave().success());
    assert_eq!(counted(), json!({ "one_shot": 0, "standby": 0, "vm": 0, "workspace": 0 }));
}

#[test]
fn a_stopped_server_of_http_leaves_none() {
    let home = Home::tcg();
    let server = Http::start(&home, &["--warm", "2"]);
    eventually("two guests", || (guests(&home) == 2).then_some(()));
    let began = Instant::now();
    server.stop();
    assert_eq!(guests(&home), 0, "it waits for their end");
    assert_soon(began, "its end");
}

#[test]
fn places_are_left_for_vms_that_somebody_waits_for() {
    let home = Home::tcg();
    let log = home.path().join("server.log");
    let mut command = home.pyro(&["mcp", "serve", "--warm", "4"]);
    command
        .stderr(File::create(&log).unwrap())
        .env("PYRO_LOG", "pyro_core::vm=info")
        .env("PYRO_MAX_ACTIVE_VMS", "2");
    let mut server = Server { client: Client::of(&mut command), log };
    server.stood_so_many(1);
    let other = json!({ "environment": ENVIRONMENT, "command": "true", "mem_mib": 512 });
    assert_eq!(server.client.done("vm_run", other)["exit_code"], 0);
    assert_eq!(server.stood().len(), 1);
    assert!(server.client.leave().success());
}
