//! Workspaces from the command line: each command is a process of its own, as an agent's are.

mod broken;
mod exec;
mod faults;
mod forks;
pub mod full;
mod lifetime;
mod on_host;
mod rivals;

use crate::home::{ENVIRONMENT, Home, stderr, stdout};
use crate::on_each_engine;
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

on_each_engine!(
    a_workspace_stays,
    a_reset_goes_back_to_the_baseline,
    one_that_boots_can_do_the_same,
    the_old_names_still_work
);

/// `pyro workspace VERB --json args…`.
pub fn command(home: &Home, verb: &str, args: &[&str]) -> Command {
    home.pyro(&[&["workspace", verb, "--json"], args].concat())
}

/// What a command said: its result, or its error.
pub fn said(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", stderr(output)))
}

/// Do it; it must succeed.
pub fn done(home: &Home, verb: &str, args: &[&str]) -> Value {
    let output = command(home, verb, args).output().unwrap();
    let value = said(&output);
    assert!(output.status.success(), "{verb} {args:?}: {value}");
    value
}

/// Do it; it must fail. Its kind; every failure says what to do next.
pub fn failed(home: &Home, verb: &str, args: &[&str]) -> String {
    let output = command(home, verb, args).output().unwrap();
    let value = said(&output);
    assert!(!output.status.success() && value["hint"].is_string(), "{verb} {args:?}: {value}");
    value["kind"].as_str().unwrap().to_owned()
}

/// A new workspace's id.
pub fn created(home: &Home) -> String {
    let flags =
        [&["workspace", "create", ENVIRONMENT, "--mem-mib", "512", "--id-only"], home.allowed()]
            .concat();
    let output = home.pyro(&flags).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    stdout(&output).trim().to_owned()
}

/// Run a line in a workspace; what it printed.
pub fn exec(home: &Home, id: &str, line: &str) -> String {
    let run = done(home, "exec", &[id, "--timeout-seconds", "900", "--", line]);
    run["stdout"].as_str().unwrap().to_owned()
}

/// Change the records behind pyro's back.
pub fn sql(home: &Home, statement: &str) {
    let script = "import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.execute(sys.argv[2]); db.commit()";
    let database = home.data_dir().join("pyro.sqlite3");
    let status =
        Command::new("python3").args(["-c", script]).arg(database).arg(statement).status().unwrap();
    assert!(status.success(), "{statement}");
}

/// The first column of the first row; a look at the records that puts nothing right, as a command's
/// would.
pub fn sql_row(home: &Home, query: &str) -> String {
    let script = "import sqlite3, sys; row = sqlite3.connect(sys.argv[1]).execute(sys.argv[2]).fetchone(); \
                  print(row and row[0] or '')";
    let database = home.data_dir().join("pyro.sqlite3");
    let output =
        Command::new("python3").args(["-c", script]).arg(database).arg(query).output().unwrap();
    stdout(&output).trim().to_owned()
}

/// Only its owner enters this directory, or any below it.
fn assert_private(directory: &Path) {
    let mode = std::fs::metadata(directory).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o700, "{}", directory.display());
    for entry in std::fs::read_dir(directory).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            assert_private(&entry.path());
        }
    }
}

fn a_workspace_stays(home: &Home) {
    let flags = ["--name", "the one", "--label", "task=7", "--label", "task=8", "--mem-mib", "512"];
    let workspace = done(home, "create", &[&[ENVIRONMENT], &flags[..]].concat());
    let id = workspace["workspace_id"].as_str().unwrap();
    for (field, expected) in [
        ("name", json!("the one")),
        ("labels", json!({ "task": "8" })),
        ("environment", json!(ENVIRONMENT)),
        ("state", json!("started")),
        ("mem_mib", json!(512)),
        ("ttl_seconds", json!(600)),
        ("execution_mode", json!(home.mode())),
        ("workspace_path", json!("/workspace")),
        ("network_policy", json!("off")),
        ("command_count", json!(0)),
        ("reset_count", json!(0)),
        ("last_command", json!(null)),
        ("change", json!(null)),
    ] {
        assert_eq!(workspace[field], expected, "{field}");
    }
    assert_eq!(workspace["workspace_seed"]["mode"], "empty");
    assert_private(&home.data_dir());
    let run = done(home, "exec", &[id, "--", "pwd; echo kept > file; echo all > /root/file"]);
    assert_eq!(
        (&run["stdout"], &run["sequence"], &run["cwd"]),
        (&json!("/workspace\n"), &json!(1), &json!("/workspace"))
    );
    // Whoever stops it twice has it stopped.
    for _ in 0..2 {
        assert_eq!(done(home, "stop", &[id])["state"], "stopped");
    }
    assert!(home.processes().is_empty(), "{:?}", home.processes());
    assert_eq!(failed(home, "exec", &[id, "--", "true"]), "wrong_state");
    for _ in 0..2 {
        assert_eq!(done(home, "start", &[id])["state"], "started");
    }
    assert_eq!(exec(home, id, "cat file /root/file"), "kept\nall\n");
    let updated =
        done(home, "update", &[id, "--clear-name", "--label", "a=b", "--clear-label", "task"]);
    assert_eq!((&updated["name"], &updated["labels"]), (&json!(null), &json!({ "a": "b" })));
    assert_eq!(failed(home, "update", &[id, "--label", "a=b"]), "invalid_input");
    let list = done(home, "list", &[]);
    assert_eq!((&list["count"], &list["workspaces"][0]["command_count"]), (&json!(1), &json!(2)));
    it_is_told_in_words(home, id);
    assert_eq!(done(home, "delete", &[id])["reason"], "explicit_delete");
    home.assert_clean();
    assert_eq!(failed(home, "status", &[id]), "not_found");
    assert_eq!(stdout(&home.pyro(&["workspace", "list"]).output().unwrap()), "No workspaces.\n");
}

fn it_is_told_in_words(home: &Home, id: &str) {
    let words = |args: &[&str]| home.pyro(&[&["workspace"], args].concat()).output().unwrap();
    let status = stdout(&words(&["status", id]));
    for line in [
        &format!("Workspace ID: {id}"),
        "Labels: a=b",
        "State: started",
        "Resources: 1 vCPU / 512 MiB",
        "Command count: 2",
        "Last command: cat file /root/file (exit_code=0)",
    ] {
        assert!(status.lines().any(|said| said == line), "{line}: {status}");
    }
    let list = stdout(&words(&["list"]));
    assert!(list.starts_with(&format!("[workspace] workspace_id={id} state=started")), "{list}");
    let first = words(&["logs", id, "--limit", "1"]);
    assert!(stdout(&first).starts_with("#1 exit_code=0 duration_ms="), "{}", stdout(&first));
    assert!(
        stdout(&first).ends_with("$ pwd; echo kept > file; echo all > /root/file\n/workspace\n"),
        "{}",
        stdout(&first)
    );
    assert!(stderr(&first).contains("--after 1"), "{}", stderr(&first));
    let rest = done(home, "logs", &[id, "--after", "1"]);
    assert_eq!((&rest["count"], &rest["next_after"]), (&json!(1), &json!(null)));
    assert_eq!(rest["entries"][0]["stdout"], "kept\nall\n");
}

fn a_reset_goes_back_to_the_baseline(home: &Home) {
    let workspace =
        done(home, "create", &[ENVIRONMENT, "--mem-mib", "512", "--name", "n", "--label", "k=v"]);
    let id = workspace["workspace_id"].as_str().unwrap();
    let change =
        "echo new > file && cp /bin/true /usr/local/bin/installed && rm /usr/bin/git && installed";
    for state in ["started", "stopped"] {
        exec(home, id, change);
        let before = done(home, "status", &[id]);
        if state == "stopped" {
            done(home, "stop", &[id]);
        }
        let reset = done(home, "reset", &[id]);
        let resets = before["reset_count"].as_u64().unwrap() + 1;
        for (field, expected) in [
            ("workspace_id", json!(id)),
            ("name", json!("n")),
            ("labels", json!({ "k": "v" })),
            ("state", json!("started")),
            ("command_count", json!(0)),
            ("reset_count", json!(resets)),
            ("last_command", json!(null)),
        ] {
            assert_eq!(reset[field], expected, "{field} of one that was {state}");
        }
        assert!(reset["last_reset_at"].is_f64());
        assert_eq!(reset["workspace_reset"]["snapshot_name"], "baseline");
        let run = done(home, "exec", &[id, "--", "ls -A /workspace /usr/local/bin; git --version"]);
        assert_eq!((&run["sequence"], &run["exit_code"]), (&json!(1), &json!(0)), "{run}");
        assert!(
            run["stdout"]
                .as_str()
                .unwrap()
                .starts_with("/usr/local/bin:\n\n/workspace:\ngit version"),
            "{run}"
        );
        assert_eq!(home.names("layers").len(), 2, "the baseline and one over it");
        assert_eq!(home.names("vms").len(), 1);
    }
    done(home, "delete", &[id]);
}

fn one_that_boots_can_do_the_same(home: &Home) {
    let boots = |verb: &str, args: &[&str]| {
        let output = command(home, verb, args).env("PYRO_TEMPLATES", "off").output().unwrap();
        assert!(output.status.success(), "{verb}: {}", stdout(&output));
        said(&output)
    };
    let workspace = boots("create", &[ENVIRONMENT, "--mem-mib", "512"]);
    let id = workspace["workspace_id"].as_str().unwrap();
    exec(home, id, "echo here > file");
    let fork = boots("fork", &[id])["workspaces"][0]["workspace_id"].as_str().unwrap().to_owned();
    assert_eq!(exec(home, &fork, "cat file"), "here\n");
    boots("reset", &[id]);
    assert_eq!(exec(home, id, "ls -A"), "");
    for id in [id, &fork] {
        done(home, "delete", &[id]);
    }
}

fn the_old_names_still_work(home: &Home) {
    let task = |args: &[&str]| {
        let output = home.pyro(&[&["task"], args].concat()).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", stderr(&output));
        output
    };
    let source = home.path().join("source");
    std::fs::create_dir(&source).unwrap();
    std::fs::write(source.join("file"), "seeded\n").unwrap();
    let source = source.to_str().unwrap();
    let created = said(&task(&[
        "create",
        ENVIRONMENT,
        "--source-path",
        source,
        "--mem-mib",
        "512",
        "--json",
    ]));
    let id = created["task_id"].as_str().unwrap();
    assert_eq!(created["workspace_seed"]["mode"], "directory");
    assert!(created.get("workspace_id").is_none());
    let run = task(&["exec", id, "--", "echo", "a  b"]);
    assert_eq!(stdout(&run), "a  b\n");
    assert!(
        stderr(&run).starts_with(&format!("[task-exec] task_id={id} sequence=1 cwd=/workspace ")),
        "{}",
        stderr(&run)
    );
    assert_eq!(
        stdout(&task(&["exec", id, "--user", "nobody", "--cwd", "/tmp", "--", "id -un; pwd"])),
        "nobody\n/tmp\n"
    );
    std::fs::write(home.path().join("source/second"), "pushed\n").unwrap();
    let pushed = task(&["sync", "push", id, source]);
    assert!(
        stdout(&pushed).starts_with(&format!("[task-sync] task_id={id} mode=directory ")),
        "{}",
        stdout(&pushed)
    );
    assert_eq!(stdout(&task(&["exec", id, "--", "cat file second"])), "seeded\npushed\n");
    assert!(stdout(&task(&["status", id])).starts_with(&format!("Task: {id}\n")));
    assert_eq!(said(&task(&["logs", id, "--json"]))["entries"][0]["command"], "echo 'a  b'");
    assert_eq!(said(&task(&["delete", id, "--json"]))["task_id"], id);
    assert!(!stdout(&home.pyro(&["--help"]).output().unwrap()).contains("task"));
}
