//! Vms with a life: each operation in a process of its own, as those of many users' shells and
//! servers are.

mod faults;
mod output;
mod rivals;

use crate::home::{ENVIRONMENT, Home, eventually, stderr};
use crate::on_each_engine;
use serde_json::{Value, json};
use std::process::Output;

on_each_engine!(a_vm_is_used_once, a_stopped_vm_keeps_its_disk, layers_stand_on_each_other);

/// What an operation said: its result, or its error.
pub fn said(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", stderr(output)))
}

/// Do it; it must succeed.
pub fn done(home: &Home, args: &[&str]) -> Value {
    let output = home.vm_client(args).output().unwrap();
    let value = said(&output);
    assert!(output.status.success(), "{args:?}: {value}");
    value
}

/// Do it; it must fail. Its kind; every failure says what to do next.
pub fn failed(home: &Home, args: &[&str]) -> String {
    let output = home.vm_client(args).output().unwrap();
    let value = said(&output);
    assert!(!output.status.success() && value["hint"].is_string(), "{args:?}: {value}");
    value["kind"].as_str().unwrap().to_owned()
}

pub fn created(home: &Home, ttl_seconds: &str) -> String {
    done(home, &["create", ttl_seconds])["vm_id"].as_str().unwrap().to_owned()
}

pub fn started(home: &Home) -> String {
    let id = created(home, "600");
    assert_eq!(done(home, &["start", &id])["state"], "started");
    id
}

fn a_vm_is_used_once(home: &Home) {
    let vm = done(home, &["create", "600"]);
    let id = vm["vm_id"].as_str().unwrap();
    for (field, expected) in [
        ("environment", json!(ENVIRONMENT)),
        ("environment_version", json!("1.1.0")),
        ("vcpu_count", json!(1)),
        ("mem_mib", json!(512)),
        ("ttl_seconds", json!(600)),
        ("state", json!("created")),
        ("execution_mode", json!("pending")),
        ("network_enabled", json!(false)),
        ("last_error", json!(null)),
    ] {
        assert_eq!(vm[field], expected, "{field}");
    }
    assert!(home.processes().is_empty(), "nothing runs before the start");
    assert_eq!(failed(home, &["exec", id, "30", "true"]), "wrong_state");
    assert_eq!(failed(home, &["stop", id]), "wrong_state");
    let vm = done(home, &["start", id]);
    assert_eq!((&vm["state"], &vm["execution_mode"]), (&json!("started"), &json!(home.mode())));
    assert_eq!(failed(home, &["start", id]), "wrong_state");
    assert_eq!(done(home, &["status", id])["state"], "started");
    assert_eq!(done(home, &["list"])[0]["vm_id"], id);
    assert_eq!(done(home, &["network", id])["network_enabled"], false);
    // A command that cannot begin leaves the vm as it was.
    assert_eq!(failed(home, &["exec", id, "30", "  "]), "invalid_input");
    for _ in 0..2 {
        done(home, &["borrow", id]);
    }
    let run = done(home, &["exec", id, "30", "git --version; exit 3"]);
    assert_eq!((&run["exit_code"], &run["execution_mode"]), (&json!(3), &json!(home.mode())));
    assert!(run["stdout"].as_str().unwrap().starts_with("git version 2."), "{run}");
    assert_eq!(
        run["cleanup"],
        json!({ "vm_id": id, "deleted": true, "reason": "post_exec_cleanup" })
    );
    assert!(
        home.leftovers().iter().all(|line| line.contains("supervise")),
        "{:?}",
        home.leftovers()
    );
    assert_eq!(failed(home, &["status", id]), "not_found");
    assert_eq!(failed(home, &["delete", id]), "not_found");
    assert_eq!(failed(home, &["status", "../../etc"]), "invalid_input");
}

fn a_stopped_vm_keeps_its_disk(home: &Home) {
    let id = started(home);
    // Nothing is flushed by the command itself.
    let write = "seq 1 200000 > /root/numbers; cksum < /root/numbers";
    let written = done(home, &["plain", &id, write]);
    let engine =
        home.processes().into_iter().find(|(_, line)| line.contains("-no-user-config")).unwrap();
    assert!(
        !engine.1.contains("no-flush"),
        "what this guest flushes must reach the disk: {}",
        engine.1
    );
    let stopped = done(home, &["stop", &id]);
    assert_eq!(
        (&stopped["state"], &stopped["last_error"]),
        (&json!("stopped"), &json!(null)),
        "{stopped}"
    );
    eventually("end of its processes", || home.processes().is_empty().then_some(()));
    assert_eq!(failed(home, &["stop", &id]), "wrong_state");
    for _ in 0..2 {
        assert_eq!(done(home, &["start", &id])["state"], "started");
        let read = done(home, &["plain", &id, "cksum < /root/numbers"]);
        assert_eq!(read, written);
        assert_eq!(done(home, &["stop", &id])["state"], "stopped");
    }
    assert_eq!(done(home, &["delete", &id])["reason"], "explicit_delete");
    home.assert_clean();
}

/// As snapshots and forks do it: others start from what one has left, and none of them changes it.
fn layers_stand_on_each_other(home: &Home) {
    let base = started(home);
    done(home, &["plain", &base, "echo base > /root/who"]);
    done(home, &["stop", &base]);
    let layer = home.data_dir().join("vms").join(&base).join("layer.qcow2");
    let before = std::fs::read(&layer).unwrap();
    let forks = [created(home, "600"), created(home, "600")];
    for fork in &forks {
        assert_eq!(done(home, &["start-on", fork, &base])["state"], "started");
        assert_eq!(
            done(home, &["plain", fork, "cat /root/who; echo fork > /root/who"])["stdout"],
            "base\n"
        );
    }
    for fork in &forks {
        done(home, &["stop", fork]);
        done(home, &["start-on", fork, &base]);
        assert_eq!(done(home, &["plain", fork, "cat /root/who"])["stdout"], "fork\n");
        done(home, &["delete", fork]);
    }
    assert!(
        std::fs::read(&layer).unwrap() == before,
        "a layer below is only read, and nobody's to remove"
    );
    done(home, &["delete", &base]);
}

#[test]
fn a_vm_on_the_host_says_so() {
    let home = Home::tcg();
    let on_host = |args: &[&str]| {
        let mut command = home.vm_client(args);
        said(
            &command
                .env("PATH", home.path())
                .env_remove("PYRO_QEMU")
                .env("VM_ALLOW_HOST", "1")
                .output()
                .unwrap(),
        )
    };
    let vm = on_host(&["create", "600"]);
    let id = vm["vm_id"].as_str().unwrap();
    assert_eq!(vm["allow_host_compat"], true);
    assert_eq!(on_host(&["start", id])["execution_mode"], "host_compat");
    assert_eq!(on_host(&["stop", id])["state"], "stopped");
    assert_eq!(on_host(&["start", id])["execution_mode"], "host_compat");
    let run = on_host(&["exec", id, "30", "echo here"]);
    assert_eq!((&run["stdout"], &run["execution_mode"]), (&json!("here\n"), &json!("host_compat")));
    home.assert_clean();
    let refused = home
        .vm_client(&["create", "600"])
        .env("PATH", home.path())
        .env_remove("PYRO_QEMU")
        .output()
        .unwrap();
    assert_eq!(said(&refused)["kind"], "unavailable");
}

#[test]
fn the_demonstration_shows_each_step() {
    let home = Home::tcg();
    let output = home.pyro(&["demo"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let told = stderr(&output);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let steps: Vec<&str> =
        report["steps"].as_array().unwrap().iter().map(|s| s["step"].as_str().unwrap()).collect();
    assert_eq!(steps, ["environment", "create", "start", "exec", "delete"]);
    assert!(steps.iter().all(|step| told.contains(&format!("[demo] {step}: "))), "{told}");
    assert!(report["stdout"].as_str().unwrap().starts_with("git version"), "{report}");
    let failed = home
        .pyro(&["demo", "--json"])
        .env("PATH", home.path())
        .env_remove("PYRO_QEMU")
        .output()
        .unwrap();
    let error: Value = serde_json::from_slice(&failed.stdout).unwrap();
    assert_eq!((failed.status.code(), &error["ok"]), (Some(1), &json!(false)), "{error}");
}
