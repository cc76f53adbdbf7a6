//! Everything of a vm that stays is killed at any moment: it is stopped or gone, never something
//! else.

use super::{created, done, failed, started};
use crate::home::{Home, assert_soon, eventually, is_signalled, kill};
use crate::on_each_engine;
use serde_json::json;
use std::process::{Child, Stdio};
use std::time::Instant;

on_each_engine!(
    a_killed_supervisor_or_engine_is_a_stopped_vm,
    a_host_that_goes_down_stops_its_vms_in_order,
    a_client_killed_in_the_middle_of_a_command_takes_the_vm_along,
    a_client_killed_while_it_starts_the_vm_leaves_it_stopped,
    a_lifetime_ends_without_anybody_looking,
    a_deleted_vm_is_gone_whatever_it_is_at,
);

fn a_killed_supervisor_or_engine_is_a_stopped_vm(home: &Home) {
    let id = started(home);
    done(home, &["plain", &id, "echo kept > /root/kept; sync"]);
    for victim in ["supervise", "-no-user-config"] {
        kill(home.process(victim), "-KILL");
        eventually("end of its processes", || home.processes().is_empty().then_some(()));
        let vm = done(home, &["status", &id]);
        assert_eq!(vm["state"], "stopped", "{vm}");
        assert!(vm["last_error"].as_str().unwrap().contains("killed"), "{vm}");
        let vm = done(home, &["start", &id]);
        assert_eq!((&vm["state"], &vm["last_error"]), (&json!("started"), &json!(null)));
        assert_eq!(done(home, &["plain", &id, "cat /root/kept"])["stdout"], "kept\n");
    }
    done(home, &["delete", &id]);
}

fn a_host_that_goes_down_stops_its_vms_in_order(home: &Home) {
    let id = started(home);
    // Flushed by nobody but the end of the guest.
    done(home, &["plain", &id, "seq 1 100000 > /root/numbers"]);
    kill(home.process("supervise"), "-TERM");
    eventually("end of its processes", || home.processes().is_empty().then_some(()));
    let vm = done(home, &["status", &id]);
    assert_eq!((&vm["state"], &vm["last_error"]), (&json!("stopped"), &json!(null)), "{vm}");
    done(home, &["start", &id]);
    assert_eq!(done(home, &["plain", &id, "tail -n 1 /root/numbers"])["stdout"], "100000\n");
    done(home, &["delete", &id]);
}

/// A command under way in the vm, and its client.
fn executing(home: &Home, id: &str) -> Child {
    let mut client = home.vm_client(&["exec", id, "300", "echo up; sleep 300"]).spawn().unwrap();
    let mut mark = [0; 3];
    std::io::Read::read_exact(client.stderr.as_mut().unwrap(), &mut mark).unwrap();
    assert_eq!(&mark, b"up\n");
    client
}

fn a_client_killed_in_the_middle_of_a_command_takes_the_vm_along(home: &Home) {
    let id = started(home);
    let mut client = executing(home, &id);
    assert_eq!(failed(home, &["exec", &id, "30", "true"]), "busy", "one command has it");
    let began = Instant::now();
    client.kill().unwrap();
    client.wait().unwrap();
    // Nobody runs a pyro command here.
    eventually("end of the vm", || home.leftovers().is_empty().then_some(()));
    assert_soon(began, "the end of the vm");
    assert_eq!(failed(home, &["status", &id]), "not_found");
}

fn a_client_killed_while_it_starts_the_vm_leaves_it_stopped(home: &Home) {
    let id = created(home, "600");
    let mut client = home.vm_client(&["start", &id]).stdout(Stdio::null()).spawn().unwrap();
    home.process("-no-user-config");
    client.kill().unwrap();
    client.wait().unwrap();
    let state = eventually("end of the start", || {
        let state = done(home, &["status", &id])["state"].as_str().unwrap().to_owned();
        // It may have been faster than the kill.
        ["stopped", "started"].contains(&state.as_str()).then_some(state)
    });
    if state == "stopped" {
        assert_eq!(done(home, &["start", &id])["state"], "started");
    }
    done(home, &["delete", &id]);
}

fn a_lifetime_ends_without_anybody_looking(home: &Home) {
    // Its start is a part of it, on a busy host perhaps the most of it.
    let started = ["30", "60", "110"].into_iter().find_map(|lifetime| {
        let vm = created(home, lifetime);
        home.vm_client(&["start", &vm]).output().unwrap().status.success().then_some(vm)
    });
    let running = started.expect("a start within a lifetime");
    let resting = created(home, "1");
    // The one that does not run is told of once, and gone.
    eventually("end of a lifetime", || {
        let output = home.vm_client(&["status", &resting]).output().unwrap();
        (!output.status.success()).then(|| {
            let said = super::said(&output);
            assert_eq!(said["kind"], "not_found", "{said}");
            assert!(said["error"].as_str().unwrap().contains("lifetime"), "{said}");
        })
    });
    eventually("end of the vm", || home.leftovers().is_empty().then_some(()));
    assert_eq!(failed(home, &["start", &running]), "not_found");
    // Whoever reaps is told whom.
    let kept = created(home, "600");
    let expired = created(home, "0");
    assert_eq!(done(home, &["reap"]), json!([expired]));
    assert_eq!(done(home, &["reap"]), json!([]));
    done(home, &["delete", &kept]);
}

fn a_deleted_vm_is_gone_whatever_it_is_at(home: &Home) {
    // Starting; a start that was faster than the test is no such start.
    eventually("start that a delete met", || {
        let id = created(home, "600");
        let start = home.vm_client(&["start", &id]).env("PYRO_TEMPLATES", "off").spawn().unwrap();
        // A stopped engine brings no guest up: the start goes on until something ends it.
        let was_held = is_signalled(home.process("-no-user-config"), "-STOP");
        let was_starting = was_held && done(home, &["status", &id])["state"] != "started";
        done(home, &["delete", &id]);
        let output = start.wait_with_output().unwrap();
        assert!(!was_starting || !output.status.success(), "{}", super::said(&output));
        home.assert_clean();
        was_starting.then_some(())
    });
    // In a command.
    let id = started(home);
    let client = executing(home, &id);
    done(home, &["delete", &id]);
    let output = client.wait_with_output().unwrap();
    assert_eq!(super::said(&output)["kind"], "wrong_state", "{}", super::said(&output));
    home.assert_clean();
    // Stopped under a command, it is not gone but stopped.
    let id = started(home);
    let client = executing(home, &id);
    assert_eq!(done(home, &["stop", &id])["state"], "stopped");
    let output = client.wait_with_output().unwrap();
    assert_eq!(super::said(&output)["kind"], "wrong_state", "{}", super::said(&output));
    assert_eq!(done(home, &["status", &id])["state"], "stopped");
    done(home, &["delete", &id]);
}
