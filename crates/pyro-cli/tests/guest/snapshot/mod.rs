//! Snapshots from the command line: the whole disk at one moment, under a name.

mod depth;
mod faults;

use crate::home::{ENVIRONMENT, Home, is_strict, stdout};
use crate::workspace::{command, created, done, exec, failed, said};
use crate::{on_each_engine, on_the_host};
use serde_json::{Value, json};
use std::process::Command;

on_the_host!(a_workspace_goes_back_to_its_snapshots);
on_each_engine!(
    a_workspace_goes_back_to_its_snapshots,
    a_snapshot_is_the_whole_disk_and_two_are_compared,
    a_snapshot_amid_writes_is_of_one_moment,
    snapshots_and_forks_leave_each_other_alone,
    names_that_are_none_are_refused,
);

/// `pyro workspace snapshot VERB --json args…`.
pub fn snapshot(home: &Home, verb: &str, args: &[&str]) -> Command {
    home.pyro(&[&["workspace", "snapshot", verb, "--json"], args].concat())
}

/// Do it; it must succeed.
pub fn did(home: &Home, verb: &str, args: &[&str]) -> Value {
    let output = snapshot(home, verb, args).output().unwrap();
    let value = said(&output);
    assert!(output.status.success(), "snapshot {verb} {args:?}: {value}");
    value
}

/// Do it; it must fail, and say what to do. The whole error.
pub fn refused(home: &Home, verb: &str, args: &[&str]) -> Value {
    let output = snapshot(home, verb, args).output().unwrap();
    let value = said(&output);
    assert!(!output.status.success() && value["hint"].is_string(), "{verb} {args:?}: {value}");
    value
}

/// The names of its snapshots.
pub fn names(home: &Home, id: &str) -> Vec<String> {
    let list = did(home, "list", &[id]);
    let names = list["snapshots"].as_array().unwrap().iter();
    let names: Vec<String> =
        names.map(|one| one["snapshot_name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(list["count"], names.len());
    names
}

/// What differs, as `status path`.
pub fn differs(home: &Home, id: &str, from: &str, to: &str) -> Vec<String> {
    let diff = done(home, "diff", &[id, "--from", from, "--to", to]);
    let entries = diff["entries"].as_array().unwrap().iter();
    entries
        .map(|entry| {
            format!("{} {}", entry["status"].as_str().unwrap(), entry["path"].as_str().unwrap())
        })
        .collect()
}

pub fn reset(home: &Home, id: &str, to: &str) -> Value {
    done(home, "reset", &[id, "--snapshot", to])
}

fn a_workspace_goes_back_to_its_snapshots(home: &Home) {
    let id = created(home);
    exec(home, &id, "mkdir d && echo one > d/file && ln -s d/file link");
    let first = did(home, "create", &[&id, "first"]);
    let told = &first["snapshot"];
    assert_eq!((&first["workspace_id"], &told["workspace_id"]), (&json!(id), &json!(id)));
    assert_eq!((&told["snapshot_name"], &told["kind"]), (&json!("first"), &json!("named")));
    assert_eq!((&told["entry_count"], &told["bytes_written"]), (&json!(3), &json!(4)));
    assert_eq!((&told["deletable"], &first["execution_mode"]), (&json!(true), &json!(home.mode())));
    let held = first["held_ms"].as_u64().unwrap();
    println!("{}: writes were held for {held} ms", home.mode());
    assert!(held < if is_strict() { 50 } else { 20_000 }, "writes were held for {held} ms");
    exec(home, &id, "echo two > d/file && rm link");
    done(home, "stop", &[&id]);
    // Of a stopped one as well, which stays so.
    let second = did(home, "create", &[&id, "second"]);
    assert_eq!(second["snapshot"]["entry_count"], 2, "{second}");
    assert_eq!(second["held_ms"], 0);
    assert_eq!(done(home, "status", &[&id])["state"], "stopped");
    assert_eq!(names(home, &id), ["baseline", "second", "first"]);
    let list = did(home, "list", &[&id]);
    assert_eq!(
        (&list["snapshots"][0]["kind"], &list["snapshots"][0]["deletable"]),
        (&json!("baseline"), &json!(false))
    );
    let (one, two) = (("first", "one\nlink\n"), ("second", "two\n"));
    for (name, expected) in [one, two, one] {
        let back = reset(home, &id, name);
        assert_eq!(back["state"], "started");
        let to = &back["workspace_reset"];
        assert_eq!((&to["snapshot_name"], &to["kind"]), (&json!(name), &json!("named")));
        assert_eq!(exec(home, &id, "cat d/file; ls link 2>/dev/null || true"), expected, "{name}");
        exec(home, &id, "echo other > d/file; rm -f link");
    }
    // Its baseline is what it was, and its snapshots outlive the way there.
    assert_eq!(reset(home, &id, "baseline")["workspace_reset"]["kind"], "baseline");
    assert_eq!(exec(home, &id, "ls -A"), "");
    assert_eq!(differs(home, &id, "first", "second"), ["modified d/file", "deleted link"]);
    assert_eq!(did(home, "delete", &[&id, "first"])["deleted"], true);
    assert_eq!(names(home, &id), ["baseline", "second"]);
    reset(home, &id, "second");
    assert_eq!(exec(home, &id, "cat d/file"), "two\n");
    let words = home.pyro(&["workspace", "snapshot", "list", &id]).output().unwrap();
    assert_eq!(
        stdout(&words),
        "baseline [baseline] entry_count=0 bytes_written=0 deletable=no\n\
         second [named] entry_count=2 bytes_written=4 deletable=yes\n"
    );
    done(home, "delete", &[&id]);
    home.assert_clean();
}

fn a_snapshot_is_the_whole_disk_and_two_are_compared(home: &Home) {
    let seed = home.path().join("seed");
    std::fs::create_dir(&seed).unwrap();
    std::fs::write(seed.join("seeded"), "seed\n").unwrap();
    std::fs::write(seed.join("kept"), "kept\n").unwrap();
    let workspace = done(
        home,
        "create",
        &[ENVIRONMENT, "--mem-mib", "512", "--seed-path", seed.to_str().unwrap()],
    );
    let id = workspace["workspace_id"].as_str().unwrap();
    exec(home, id, "cp /bin/true /usr/local/bin/installed; echo a > a; echo more >> seeded");
    did(home, "create", &[id, "a"]);
    // The same length and the same mtime: only its content tells.
    exec(home, id, "touch -r a ref; echo b > a; touch -r ref a; rm ref /usr/local/bin/installed");
    assert_eq!(differs(home, id, "a", "now"), ["modified a"]);
    exec(home, id, "mv kept moved; echo x > .hidden");
    did(home, "create", &[id, "b"]);
    let both = ["added .hidden", "modified a", "deleted kept", "added moved"];
    assert_eq!(differs(home, id, "a", "b"), both);
    assert_eq!(differs(home, id, "a", "now"), both);
    assert_eq!(differs(home, id, "b", "now"), [""; 0]);
    assert_eq!(differs(home, id, "now", "now"), [""; 0]);
    assert_eq!(differs(home, id, "a", "a"), [""; 0]);
    assert_eq!(differs(home, id, "baseline", "a"), ["added a", "modified seeded"]);
    let back = ["deleted .hidden", "modified a", "added kept", "deleted moved"];
    assert_eq!(differs(home, id, "b", "a"), back);
    assert_eq!(differs(home, id, "now", "a"), back);
    let patch =
        |from, to| done(home, "diff", &[id, "a", "--from", from, "--to", to])["patch"].clone();
    assert!(patch("a", "b").as_str().unwrap().ends_with("\n-a\n+b\n"), "{}", patch("a", "b"));
    assert!(patch("now", "a").as_str().unwrap().ends_with("\n-b\n+a\n"), "{}", patch("now", "a"));
    // Without a guest.
    done(home, "stop", &[id]);
    assert_eq!(differs(home, id, "a", "b"), both);
    assert_eq!(differs(home, id, "a", "now"), both);
    assert_eq!(differs(home, id, "now", "a"), back);
    assert_eq!(differs(home, id, "b", "now"), [""; 0]);
    assert_eq!(failed(home, "diff", &[id, "--from", "c"]), "not_found");
    assert_eq!(failed(home, "diff", &[id, "--from", "c", "--to", "a"]), "not_found");
    reset(home, id, "a");
    assert_eq!(exec(home, id, "installed && cat a seeded kept"), "a\nseed\nmore\nkept\n");
    done(home, "delete", &[id]);
    home.assert_clean();
}

fn a_snapshot_amid_writes_is_of_one_moment(home: &Home) {
    let id = created(home);
    exec(home, &id, "git init -q -b main . && git config user.email a@b && git config user.name c");
    let line = "for i in $(seq 1 40); do echo $i > $((i % 7)); echo $i > count; git add -A; \
                git commit -qm $i || exit 1; done";
    let writer =
        command(home, "exec", &[&id, "--timeout-seconds", "900", "--", line]).spawn().unwrap();
    let mut held = Vec::new();
    for number in 0..4 {
        let created = did(home, "create", &[&id, &format!("at-{number}")]);
        held.push(created["held_ms"].as_u64().unwrap());
    }
    println!("{}: writes were held for {held:?} ms", home.mode());
    let written = said(&writer.wait_with_output().unwrap());
    assert_eq!(written["exit_code"], 0, "{written}");
    assert_eq!(exec(home, &id, "git rev-list --count HEAD"), "40\n");
    let mut counts = Vec::new();
    for number in 0..4 {
        reset(home, &id, &format!("at-{number}"));
        let look = "git fsck --full --strict 2>&1 >/dev/null | grep -v -e dangling -e notice \
                    -e unborn; git rev-list --count HEAD 2>/dev/null || echo 0";
        let told = exec(home, &id, look);
        let count: u32 = told.trim().parse().unwrap_or_else(|_| panic!("{told}"));
        counts.push(count);
    }
    println!("{}: commits in the snapshots: {counts:?}", home.mode());
    assert!(counts.is_sorted(), "{counts:?}");
    done(home, "delete", &[&id]);
    home.assert_clean();
}

fn snapshots_and_forks_leave_each_other_alone(home: &Home) {
    let id = created(home);
    exec(home, &id, "echo one > file");
    did(home, "create", &[&id, "one"]);
    exec(home, &id, "echo two > file");
    let fork = done(home, "fork", &[&id])["workspaces"][0]["workspace_id"].clone();
    let fork = fork.as_str().unwrap();
    // It has none of its own, and stands on what the snapshot is of.
    assert_eq!(names(home, fork), ["baseline"]);
    did(home, "delete", &[&id, "one"]);
    assert_eq!(exec(home, fork, "cat file"), "two\n");
    did(home, "create", &[fork, "one"]);
    exec(home, fork, "echo three > file");
    done(home, "delete", &[&id]);
    reset(home, fork, "one");
    assert_eq!(exec(home, fork, "cat file"), "two\n");
    done(home, "stop", &[fork]);
    done(home, "start", &[fork]);
    assert_eq!(exec(home, fork, "cat file"), "two\n");
    done(home, "delete", &[fork]);
    home.assert_clean();
}

fn names_that_are_none_are_refused(home: &Home) {
    let id = created(home);
    let long = "n".repeat(300);
    for name in ["../x", "", ".x", "a/b", "a b", "baseline", "now", "a\nb", &long] {
        let error = refused(home, "create", &[&id, name]);
        assert_eq!(error["kind"], "invalid_input", "{error}");
        assert!(error["error"].as_str().unwrap().len() < 200, "{error}");
    }
    assert_eq!(refused(home, "delete", &[&id, "baseline"])["kind"], "invalid_input");
    let error = refused(home, "delete", &[&id, "none"]);
    assert_eq!(error["kind"], "not_found");
    assert!(error["hint"].as_str().unwrap().contains("pyro workspace snapshot list"), "{error}");
    did(home, "create", &[&id, "some"]);
    let error = refused(home, "create", &[&id, "some"]);
    assert_eq!(error["kind"], "already_exists", "{error}");
    assert_eq!(failed(home, "reset", &[&id, "--snapshot", "../x"]), "invalid_input");
    let output = command(home, "reset", &[&id, "--snapshot", "none"]).output().unwrap();
    let error = said(&output);
    assert_eq!(error["kind"], "not_found");
    assert!(error["error"].as_str().unwrap().ends_with("it has baseline, some"), "{error}");
    assert_eq!(refused(home, "create", &["000000000000", "x"])["kind"], "not_found");
    assert_eq!(done(home, "status", &[&id])["reset_count"], 0);
    done(home, "delete", &[&id]);
    home.assert_clean();
}
