//! Workspaces on a host that can run no guest: only where it is allowed, never silently, and no
//! file of the host is in reach of their file operations.

use super::{command, created, done, exec, failed, said, sql_row};
use crate::home::{ENVIRONMENT, Home, eventually, stderr, stdout};
use crate::mcp::client::Client;
use crate::skip::skip;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::process::Command;

/// Where the files of the one workspace are.
fn tree(home: &Home) -> PathBuf {
    let top = sql_row(home, "SELECT top_layer FROM workspace");
    home.data_dir().join(format!("layers/{top}.tree/workspace"))
}

#[test]
fn nothing_runs_on_the_host_unless_it_is_allowed() {
    let home = Home::host();
    let refused = command(&home, "create", &[ENVIRONMENT]).output().unwrap();
    let told = said(&refused);
    assert_eq!((refused.status.code(), &told["kind"]), (Some(1), &json!("unavailable")), "{told}");
    let hint = told["hint"].as_str().unwrap();
    assert!(hint.contains("apt-get install") && hint.contains("--allow-host-compat"), "{told}");
    home.assert_clean();
    // A wrong name is not hidden by it.
    assert_ne!(failed(&home, "create", &["debain:12", "--allow-host-compat"]), "unavailable");
    let created = done(&home, "create", &[ENVIRONMENT, "--allow-host-compat"]);
    assert_eq!(
        (
            &created["execution_mode"],
            &created["allow_host_compat"],
            &created["environment_version"]
        ),
        (&json!("host_compat"), &json!(true), &json!(null)),
        "{created}"
    );
    assert!(!home.path().join("environments").exists(), "no image is installed that is not used");
    done(&home, "delete", &[created["workspace_id"].as_str().unwrap()]);
    home.assert_clean();
    let told = home
        .pyro(&["workspace", "create", ENVIRONMENT, "--allow-host-compat", "--id-only"])
        .output()
        .unwrap();
    assert!(stderr(&told).contains("execution_mode=host_compat"), "{}", stderr(&told));
    done(&home, "delete", &[stdout(&told).trim()]);
}

#[test]
fn with_a_guest_to_be_had_the_permission_changes_nothing() {
    let home = Home::tcg();
    let created = done(&home, "create", &[ENVIRONMENT, "--mem-mib", "512", "--allow-host-compat"]);
    assert_eq!(created["execution_mode"], "guest_tcg", "{created}");
    let id = created["workspace_id"].as_str().unwrap();
    done(&home, "stop", &[id]);
    // It was made for a guest, and stays in one.
    let mut start = command(&home, "start", &[id]);
    let refused = said(&start.env("PATH", home.path()).env_remove("PYRO_QEMU").output().unwrap());
    assert_eq!(refused["kind"], "unavailable", "{refused}");
    assert!(!refused["hint"].as_str().unwrap().contains("--allow-host-compat"), "{refused}");
    done(&home, "delete", &[id]);
}

#[test]
fn a_workspace_lives_in_a_private_directory() {
    let home = Home::host();
    let id = &created(&home);
    let tree = tree(&home);
    let private = tree.parent().unwrap().metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(private, 0o700);
    let run = done(&home, "exec", &[id, "--", "pwd; echo $HOME; id -u; echo kept > file"]);
    let user = fs::metadata(home.path()).unwrap().uid();
    let at = tree.canonicalize().unwrap().display().to_string();
    assert_eq!(run["stdout"], format!("{at}\n{at}\n{user}\n"));
    assert_eq!(
        (&run["execution_mode"], &run["cwd"]),
        (&json!("host_compat"), &json!("/workspace"))
    );
    let below = done(&home, "exec", &[id, "--cwd", "/tmp", "--", "pwd; echo $HOME"]);
    assert_eq!(below["stdout"], format!("/tmp\n{at}\n"));
    let timed_out = done_with(
        &home,
        &[id, "--timeout-seconds", "1", "--", "sleep 4321 & (setsid sleep 4321 &); sleep 4321"],
    );
    assert_eq!(
        (&timed_out["exit_code"], &timed_out["timed_out"]),
        (&json!(124), &json!(true)),
        "{timed_out}"
    );
    eventually("end of the whole tree", || (!runs(&home, "4321")).then_some(()));
    // What a command leaves running goes with the stop, and the files stay.
    exec(&home, id, "(setsid sleep 1234 > /dev/null 2>&1 &)");
    assert!(runs(&home, "1234"));
    assert_eq!(done(&home, "stop", &[id])["state"], "stopped");
    home.assert_idle();
    assert_eq!(failed(&home, "exec", &[id, "--", "true"]), "wrong_state");
    let started = done(&home, "start", &[id]);
    assert_eq!(
        (&started["state"], &started["execution_mode"]),
        (&json!("started"), &json!("host_compat"))
    );
    assert_eq!(exec(&home, id, "cat file"), "kept\n");
    let logs = done(&home, "logs", &[id]);
    assert_eq!(
        (&logs["count"], &logs["entries"][0]["execution_mode"]),
        (&json!(5), &json!("host_compat"))
    );
    assert_eq!(done(&home, "update", &[id, "--name", "mine"])["name"], "mine");
    assert_eq!(done(&home, "list", &[])["count"], 1);
    let reset = done(&home, "reset", &[id]);
    assert_eq!(
        (&reset["execution_mode"], &reset["reset_count"]),
        (&json!("host_compat"), &json!(1))
    );
    assert!(!tree.exists(), "the old files are gone");
    assert_eq!(exec(&home, id, "ls -A; (setsid sleep 1234 > /dev/null 2>&1 &)"), "");
    assert_eq!(failed(&home, "fork", &[id]), "unsupported");
    done(&home, "delete", &[id]);
    home.assert_idle();
    home.assert_clean();
}

#[test]
fn long_outputs_go_with_the_history_that_names_them() {
    let home = Home::host();
    let (one, other) = (&created(&home), &created(&home));
    let count = || fs::read_dir(home.data_dir().join("outputs")).unwrap().count();
    let long = |id: &str| {
        let said = done(&home, "exec", &[id, "--", "seq 100000; seq 100000 >&2"]);
        assert!(said["stdout_file"].is_string() && said["stderr_file"].is_string(), "{said}");
    };
    long(other);
    long(one);
    assert_eq!(count(), 4);
    done(&home, "reset", &[one]);
    assert_eq!(count(), 2, "those of the history that was forgotten");
    long(one);
    done(&home, "delete", &[one]);
    assert_eq!(count(), 2);
    done(&home, "delete", &[other]);
    assert_eq!(count(), 0);
    home.assert_clean();
}

/// Run a command whatever its status.
fn done_with(home: &Home, args: &[&str]) -> Value {
    said(&command(home, "exec", args).output().unwrap())
}

/// Whether a program of this home has this argument.
fn runs(home: &Home, argument: &str) -> bool {
    home.processes().iter().any(|(_, line)| line.split(' ').any(|word| word == argument))
}

#[test]
fn operations_on_files_stay_in_the_workspace() {
    let home = Home::host();
    let outside = home.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("secret"), "secret\n").unwrap();
    let seed = home.path().join("seed");
    fs::create_dir(&seed).unwrap();
    fs::write(seed.join("f"), "f\n").unwrap();
    std::os::unix::fs::symlink(&outside, seed.join("way")).unwrap();
    std::os::unix::fs::symlink(outside.join("secret"), seed.join("leak")).unwrap();
    let id = &crate::workspace_files::seeded(&home, &seed, &[]);
    let refused = |words: &[&str]| crate::workspace_files::refused(&home, words).0;
    for path in ["way/secret", "leak", "../../../pyro.sqlite3"] {
        assert_ne!(refused(&["file", "read", id, path]), "internal", "{path}");
    }
    for path in ["way/new", "leak"] {
        assert_ne!(refused(&["file", "write", id, path, "--text", "x"]), "internal", "{path}");
    }
    assert_ne!(
        refused(&["sync", "push", id, seed.to_str().unwrap(), "--dest", "way/in"]),
        "internal"
    );
    let patch = home.path().join("p.diff");
    fs::write(&patch, "--- /dev/null\n+++ b/way/new\n@@ -0,0 +1 @@\n+x\n").unwrap();
    assert_eq!(
        refused(&["patch", "apply", id, "--patch-file", patch.to_str().unwrap()]),
        "conflict"
    );
    // Commands are the user's own, and go where the user goes.
    assert_eq!(exec(&home, id, "cat way/secret"), "secret\n");
    let left: Vec<_> =
        fs::read_dir(&outside).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["secret"]);
    assert_eq!(fs::read_to_string(outside.join("secret")).unwrap(), "secret\n");
    // A directory that nobody may write to is in no deletion's way.
    exec(&home, id, "mkdir -p a/b && touch a/b/c && chmod 0 a/b && chmod 555 a");
    done(&home, "reset", &[id]);
    assert_eq!(crate::workspace_files::changes(&home, id), [""; 0]);
    exec(&home, id, "mkdir -p a/b && touch a/b/c && chmod 0 a/b && chmod 555 a");
    done(&home, "delete", &[id]);
}

#[test]
fn lost_files_are_told_and_a_baseline_brings_them_back() {
    let home = Home::host();
    let id = &created(&home);
    done(&home, "stop", &[id]);
    fs::remove_dir_all(tree(&home).parent().unwrap()).unwrap();
    let lost = said(&command(&home, "start", &[id]).output().unwrap());
    assert_eq!(lost["kind"], "corrupt");
    assert!(lost["hint"].as_str().unwrap().contains("pyro workspace reset"), "{lost}");
    done(&home, "reset", &[id]);
    assert_eq!(exec(&home, id, "ls -A; echo whole"), "whole\n");
    let baseline = sql_row(&home, "SELECT baseline_layer FROM workspace");
    fs::remove_dir_all(home.data_dir().join(format!("layers/{baseline}.tree"))).unwrap();
    assert_eq!(failed(&home, "reset", &[id]), "corrupt");
    assert_eq!(exec(&home, id, "echo still here"), "still here\n");
    done(&home, "delete", &[id]);
}

#[test]
fn a_reset_that_cannot_copy_changes_nothing() {
    let home = Home::host();
    let id = &created(&home);
    exec(&home, id, "echo before > file");
    let baseline = sql_row(&home, "SELECT baseline_layer FROM workspace");
    let baseline = home.data_dir().join(format!("layers/{baseline}.tree/workspace"));
    // Something that no copy is made of, as of what cannot be read.
    assert!(Command::new("mkfifo").arg(baseline.join("pipe")).status().unwrap().success());
    assert_eq!(failed(&home, "reset", &[id]), "io");
    assert_eq!(done(&home, "status", &[id])["reset_count"], 0);
    assert_eq!(exec(&home, id, "cat file"), "before\n");
    assert_eq!(
        (home.names("vms").len(), home.names("layers").len()),
        (1, 2),
        "{:?}",
        home.leftovers()
    );
    done(&home, "delete", &[id]);
}

#[test]
fn a_task_on_the_host_is_a_workspace_too() {
    let home = Home::host();
    let output = home
        .pyro(&["task", "create", ENVIRONMENT, "--allow-host-compat", "--json"])
        .output()
        .unwrap();
    let task = said(&output);
    assert_eq!(task["execution_mode"], "host_compat", "{task}");
    let id = task["task_id"].as_str().unwrap();
    let output = home.pyro(&["task", "exec", id, "--", "echo here"]).output().unwrap();
    assert_eq!(stdout(&output), "here\n", "{}", stderr(&output));
    done(&home, "delete", &[id]);
}

#[test]
fn a_model_needs_the_servers_grant() {
    let home = Home::host();
    let ask = json!({ "environment": ENVIRONMENT, "allow_host_compat": true });
    let mut client = Client::connected(&home, &[]);
    assert_eq!(client.refused("workspace_create", ask.clone())["kind"], "denied");
    assert_eq!(
        client.refused("workspace_create", json!({ "environment": ENVIRONMENT }))["kind"],
        "unavailable"
    );
    assert!(client.leave().success());
    home.assert_clean();
    let mut client = Client::connected(&home, &["--allow-host-compat"]);
    assert_eq!(
        client.refused("workspace_create", json!({ "environment": ENVIRONMENT }))["kind"],
        "unavailable"
    );
    let workspace = client.done("workspace_create", ask);
    assert_eq!(workspace["execution_mode"], "host_compat", "{workspace}");
    let id = workspace["workspace_id"].as_str().unwrap();
    let ran = client.done("workspace_exec", json!({ "workspace_id": id, "command": "echo here" }));
    assert_eq!((&ran["stdout"], &ran["execution_mode"]), (&json!("here\n"), &json!("host_compat")));
    client.done("workspace_file_write", json!({ "workspace_id": id, "path": "f", "text": "x\n" }));
    assert_eq!(client.done("workspace_diff", json!({ "workspace_id": id }))["summary"]["added"], 1);
    client.done("workspace_reset", json!({ "workspace_id": id }));
    client.done("workspace_delete", json!({ "workspace_id": id }));
    assert!(client.leave().success());
    home.assert_clean();
}

#[test]
fn commands_on_the_host_have_its_programs_and_nothing_of_its_user() {
    let home = Home::host();
    let with_token = |mut command: Command| {
        let output = command.env("GH_TOKEN", "ghp_of_the_user").env("LC_ALL", "C").output();
        said(&output.unwrap())
    };
    let names = |printed: &Value| -> Vec<String> {
        let lines = printed.as_str().unwrap().lines();
        let mut names: Vec<String> =
            lines.filter_map(|line| Some(line.split_once('=')?.0.to_owned())).collect();
        // Those that shells set by themselves, and by which pyro knows what a command has started.
        names.retain(|name| !matches!(name.as_str(), "PWD" | "OLDPWD" | "SHLVL" | "_"));
        names.retain(|name| !name.starts_with("PYRO"));
        names.sort();
        names
    };
    let programs = home.path().join("bin").display().to_string();
    let create = [ENVIRONMENT, "--mem-mib", "512", "--allow-host-compat"];
    let created = with_token(command(&home, "create", &create));
    let id = created["workspace_id"].as_str().unwrap();
    let tree = tree(&home).display().to_string();
    let run = |flags: &[&str], line: &str| {
        let command = command(&home, "exec", &[&[id], flags, &["--", line]].concat());
        with_token(command)["stdout"].clone()
    };
    let sh = &["--shell", "sh"];
    assert_eq!(names(&run(sh, "env")), ["HOME", "PATH"]);
    assert_eq!(run(sh, "echo \"$HOME|$PWD\""), format!("{tree}|{tree}\n"));
    let chosen = ["--env", "GH_TOKEN=mine", "--shell", "sh"];
    assert_eq!(run(&chosen, "echo $GH_TOKEN"), "mine\n");
    // Where programs are is up to the user and the profile of the shell.
    assert_eq!(run(&[], "command -v git >/dev/null && echo \"$HOME\""), format!("{tree}\n"));
    // Nor has its supervisor the token, which could outlive what its user did with it.
    let supervisor = home.process("supervise");
    let environ = fs::read(format!("/proc/{supervisor}/environ")).unwrap();
    let environ = String::from_utf8_lossy(&environ);
    assert!(!environ.contains("ghp_of_the_user"), "{environ}");
    for kept in [format!("PATH={programs}"), "LC_ALL=C".to_owned()] {
        assert!(environ.split('\0').any(|variable| variable == kept), "{kept}: {environ}");
    }
    let once = [
        "run",
        ENVIRONMENT,
        "--json",
        "--allow-host-compat",
        "--",
        "echo $GH_TOKEN; git --version",
    ];
    let once = with_token(home.pyro(&once));
    assert!(once["stdout"].as_str().unwrap().starts_with("\ngit version"), "{once}");
    done(&home, "delete", &[id]);
    home.assert_clean();
}

/// A shell in which `/dev/kvm` is not there, and all else that a program needs of `/dev` is.
const WITHOUT_KVM: &str = "for node in null zero random urandom; do touch \"$0/$node\" && mount --bind /dev/$node \"$0/$node\" \
     || exit 99; done; mount --rbind \"$0\" /dev && test ! -e /dev/kvm || exit 99; exec \"$@\"";

#[test]
fn nothing_is_installed_for_a_kvm_that_is_not_there() {
    let home = Home::host();
    let devices = home.path().join("devices");
    fs::create_dir(&devices).unwrap();
    let asks_for_kvm = |allowed: &[&str]| {
        let pyro = home.pyro(&[]);
        let mut shell = Command::new("unshare");
        shell.args(["--mount", "sh", "-c", WITHOUT_KVM]).arg(&devices).arg(pyro.get_program());
        shell.args([&["run", ENVIRONMENT, "--json"], allowed, &["--", "echo here"]].concat());
        for (name, value) in pyro.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        // The first program of QEMU's name is one that cannot be needed.
        std::os::unix::fs::symlink("/bin/false", home.path().join("bin/qemu-system-x86_64"))
            .unwrap_or_default();
        shell.env("PYRO_ACCEL", "kvm").output().unwrap()
    };
    let refused = asks_for_kvm(&[]);
    if refused.status.code() == Some(99) || stderr(&refused).contains("unshare") {
        return skip("no mount namespace can be had");
    }
    let told = said(&refused);
    assert_eq!(
        (&told["kind"], &told["error"]),
        (&json!("unavailable"), &json!("KVM cannot be used: /dev/kvm does not exist"))
    );
    let allowed = said(&asks_for_kvm(home.allowed()));
    assert_eq!(
        (&allowed["stdout"], &allowed["execution_mode"]),
        (&json!("here\n"), &json!("host_compat")),
        "{allowed}"
    );
    assert!(
        !home.path().join("environments").exists(),
        "neither the refusal nor the host needs an image"
    );
}
