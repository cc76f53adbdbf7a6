//! Many processes at one workspace, and records and ids that are not what they should be.

use super::{command, created, done, exec, failed, said, sql, sql_row};
use crate::home::{Home, eventually, stderr};
use crate::workspace_files::refused;
use crate::{on_each_engine, on_the_host};
use serde_json::json;
use std::path::Path;
use std::process::Child;

on_the_host!(
    one_of_many_changes_it,
    whoever_needs_one_that_starts_waits,
    a_broken_record_stops_nobody
);
on_each_engine!(
    one_of_many_changes_it,
    whoever_needs_one_that_starts_waits,
    a_broken_record_stops_nobody
);

/// Do it in several processes at once: how many succeeded; the others' errors are among these.
fn at_once(home: &Home, verb: &str, args: &[&str], allowed: &[&str]) -> usize {
    let clients: Vec<Child> = (0..4).map(|_| command(home, verb, args).spawn().unwrap()).collect();
    let outputs = clients.into_iter().map(|client| client.wait_with_output().unwrap());
    outputs
        .filter(|output| {
            let said = said(output);
            let kind = said["kind"].as_str().unwrap_or_default();
            assert!(output.status.success() || allowed.contains(&kind), "{verb}: {said}");
            output.status.success()
        })
        .count()
}

fn one_of_many_changes_it(home: &Home) {
    let id = created(home);
    let resets = at_once(home, "reset", &[&id], &["busy"]);
    assert!(resets >= 1);
    assert_eq!(done(home, "status", &[&id])["reset_count"], resets);
    assert!(at_once(home, "stop", &[&id], &["busy"]) >= 1);
    assert_eq!(done(home, "status", &[&id])["state"], "stopped");
    // One starts it, the others wait for it.
    assert_eq!(at_once(home, "start", &[&id], &[]), 4);
    assert_eq!(exec(home, &id, "echo here"), "here\n");
    assert_eq!(at_once(home, "delete", &[&id], &["busy", "not_found"]), 1);
    home.assert_clean();
}

fn whoever_needs_one_that_starts_waits(home: &Home) {
    let id = created(home);
    for round in 0..3 {
        done(home, "stop", &[&id]);
        assert_eq!(failed(home, "exec", &[&id, "--", "true"]), "wrong_state");
        let start = || command(home, "start", &[&id]).spawn().unwrap();
        let starts = [start(), start(), start()];
        eventually("start", || {
            ["starting", "started"]
                .contains(&sql_row(home, "SELECT state FROM vm").as_str())
                .then_some(())
        });
        let exec = |number: usize| {
            command(home, "exec", &[&id, "--", &format!("echo {round} {number}")]).spawn().unwrap()
        };
        let execs: Vec<Child> = (0..4).map(exec).collect();
        let read = home.pyro(&["workspace", "file", "list", &id, "--json"]).spawn().unwrap();
        for (number, child) in execs.into_iter().enumerate() {
            let output = child.wait_with_output().unwrap();
            assert_eq!(said(&output)["stdout"], format!("{round} {number}\n"), "{}", said(&output));
        }
        for child in starts.into_iter().chain([read]) {
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success(), "{}", said(&output));
        }
    }
    done(home, "delete", &[&id]);
}

#[test]
fn hundreds_of_commands_from_three_processes() {
    const EACH: usize = 120;
    let home = Home::tcg();
    let id = created(&home);
    let count = EACH.to_string();
    let client = || home.vm_client(&["exec-many", &id, &count, "echo x >> count"]).spawn().unwrap();
    let clients = [client(), client(), client()];
    let mut sequences = Vec::new();
    for client in clients {
        let output = client.wait_with_output().unwrap();
        assert!(output.status.success(), "{}{}", said(&output), stderr(&output));
        sequences.extend(serde_json::from_slice::<Vec<u64>>(&output.stdout).unwrap());
    }
    sequences.sort_unstable();
    assert_eq!(sequences, (1..=3 * EACH as u64).collect::<Vec<_>>());
    assert_eq!(done(&home, "status", &[&id])["command_count"], 3 * EACH);
    assert_eq!(
        exec(&home, &id, "sort count | uniq -c | tr -s ' '"),
        format!(" {} x\n", 3 * EACH),
        "each exactly once"
    );
    done(&home, "delete", &[&id]);
}

fn a_broken_record_stops_nobody(home: &Home) {
    let (good, broken) = (created(home), created(home));
    exec(home, &broken, "echo kept > file");
    let vms = home.names("vms").len();
    sql(home, &format!("UPDATE workspace SET labels = 'no labels' WHERE id = '{broken}'"));
    let list = done(home, "list", &[]);
    assert_eq!(
        (&list["count"], &list["workspaces"][0]["workspace_id"]),
        (&json!(1), &json!(good)),
        "{list}"
    );
    assert_eq!(exec(home, &good, "echo good"), "good\n");
    assert_eq!(list["broken"], json!([broken]));
    for verb in ["status", "start", "stop", "reset", "fork", "logs"] {
        assert_eq!(failed(home, verb, &[&broken]), "corrupt", "{verb}");
    }
    let told = said(&command(home, "exec", &[&broken, "--", "true"]).output().unwrap());
    assert_eq!(told["kind"], "corrupt");
    assert!(
        told["hint"].as_str().unwrap().contains(&format!("pyro workspace delete {broken}")),
        "{told}"
    );
    done(home, "reset", &[&good]);
    done(home, "delete", &[&good]);
    assert_eq!(home.names("vms").len(), vms - 1, "the vm of the broken one is nobody's to remove");
    sql(home, &format!("UPDATE workspace SET labels = '{{}}' WHERE id = '{broken}'"));
    assert_eq!(exec(home, &broken, "cat file"), "kept\n");
    done(home, "delete", &[&broken]);
    home.assert_clean();
}

/// Each command that is about files, with an id and files of the host's.
fn of_files<'a>(id: &'a str, source: &'a str, file: &'a str, out: &'a str) -> [Vec<&'a str>; 7] {
    [
        vec!["file", "list", id],
        vec!["file", "read", id, "f"],
        vec!["file", "write", id, "f", "--text", "x"],
        vec!["sync", "push", id, source],
        vec!["patch", "apply", id, "--patch-file", file],
        vec!["diff", id],
        vec!["export", id, ".", "--output", out],
    ]
}

#[test]
fn an_id_is_never_a_path() {
    let home = Home::tcg();
    let path = |name: &str| home.path().join(name).to_str().unwrap().to_owned();
    let (source, file, out) = (path("source"), path("p.diff"), path("out"));
    std::fs::create_dir(&source).unwrap();
    std::fs::write(&file, "--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\n+b\n").unwrap();
    for id in ["../../x", "/etc/passwd", "", "0123456789AB", "0123456789abc", "0123456789a\n"] {
        for verb in ["status", "start", "stop", "delete", "reset", "fork", "logs", "update"] {
            assert_eq!(failed(&home, verb, &[id]), "invalid_input", "{verb} {id:?}");
        }
        assert_eq!(failed(&home, "exec", &[id, "--", "true"]), "invalid_input", "exec {id:?}");
        for words in of_files(id, &source, &file, &out) {
            assert_eq!(refused(&home, &words).0, "invalid_input", "{words:?}");
        }
    }
    for verb in ["status", "start", "stop", "delete", "reset", "fork", "logs"] {
        assert_eq!(failed(&home, verb, &["0123456789ab"]), "not_found", "{verb}");
    }
    assert_eq!(failed(&home, "exec", &["0123456789ab", "--", "true"]), "not_found");
    for words in of_files("0123456789ab", &source, &file, &out) {
        assert_eq!(refused(&home, &words).0, "not_found", "{words:?}");
    }
    assert!(
        !Path::new(&out).exists() && std::fs::read_dir(home.path()).unwrap().count() <= 3,
        "nothing was made"
    );
}
