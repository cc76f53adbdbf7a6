//! The disk of a workspace without its guest: of one that is stopped, and of snapshots.

use crate::home::{Home, ended, eventually, kill};
use crate::skip::skip;
use crate::snapshot::did;
use crate::workspace::{created, done, exec, said};
use crate::{on_each_engine, on_the_host};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Child, Command};

on_the_host!(a_workspace_on_the_host_has_no_disk);
on_each_engine!(
    a_stopped_disk_is_listed_and_read,
    a_stopped_disk_is_exported,
    an_exported_disk_is_mounted,
    a_disk_that_was_not_unmounted_says_so,
    an_export_that_is_ended_leaves_nothing,
);

/// `pyro workspace disk VERB --json args…`.
fn command(home: &Home, verb: &str, args: &[&str]) -> Command {
    home.pyro(&[&["workspace", "disk", verb, "--json"], args].concat())
}

fn disk(home: &Home, verb: &str, args: &[&str]) -> Value {
    let output = command(home, verb, args).output().unwrap();
    let value = said(&output);
    assert!(output.status.success(), "disk {verb} {args:?}: {value}");
    value
}

/// The kind of its failure, which says what to do next.
fn refused(home: &Home, verb: &str, args: &[&str]) -> String {
    let output = command(home, verb, args).output().unwrap();
    let value = said(&output);
    assert!(!output.status.success() && value["hint"].is_string(), "{verb} {args:?}: {value}");
    value["kind"].as_str().unwrap().to_owned()
}

fn paths(listed: &Value) -> Vec<&str> {
    let entries = listed["entries"].as_array().unwrap().iter();
    entries.map(|entry| entry["path"].as_str().unwrap()).collect()
}

fn run(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{program} {args:?}: {said}");
    said
}

fn a_workspace_on_the_host_has_no_disk(home: &Home) {
    let id = created(home);
    done(home, "stop", &[&id]);
    let output = home.path().join("out").to_str().unwrap().to_owned();
    assert_eq!(refused(home, "list", &[&id]), "unsupported");
    assert_eq!(refused(home, "read", &[&id, "/etc/passwd"]), "unsupported");
    assert_eq!(refused(home, "export", &[&id, "--output", &output]), "unsupported");
    done(home, "delete", &[&id]);
    home.assert_clean();
}

fn a_stopped_disk_is_listed_and_read(home: &Home) {
    let id = created(home);
    exec(
        home,
        &id,
        r#"mkdir -p 'a b/c' && echo one > 'a b/c/file' && ln -s "$(printf 'x/%.0s' $(seq 300))" far &&
           ln -s '/workspace/a b' way && truncate -s 3G large && printf end >> large &&
           echo odd > "$(printf 'odd\377')" && echo other > /root/other"#,
    );
    for verb in [&["list", &id][..], &["read", &id, "way/c/file"]] {
        assert_eq!(refused(home, verb[0], &verb[1..]), "wrong_state");
    }
    did(home, "create", &[&id, "before"]);
    exec(home, &id, "echo two > 'a b/c/file'; rm far");
    // A snapshot while the workspace runs.
    let before = ["read", &id, "way/c/file", "--snapshot", "before"];
    let read = disk(home, before[0], &before[1..]);
    assert_eq!((&read["content"], &read["snapshot"]), (&json!("one\n"), &json!("before")));
    assert_eq!(read["real_path"], "/workspace/a b/c/file");
    assert_eq!(paths(&disk(home, "list", &[&id, "--snapshot", "baseline"])), [""; 0]);
    done(home, "stop", &[&id]);
    let all = ["a b", "a b/c", "a b/c/file", "large", "odd", "way"];
    let listed = disk(home, "list", &[&id, "--recursive"]);
    let expected: Vec<_> = all
        .iter()
        .map(|path| match *path {
            "odd" => "\"/workspace/odd\\377\"".to_owned(),
            path => format!("/workspace/{path}"),
        })
        .collect();
    assert_eq!(paths(&listed), expected);
    assert_eq!(listed["entries"][3]["size_bytes"], (3_u64 << 30) + 3);
    let earlier = disk(home, "list", &[&id, "--snapshot", "before"]);
    assert_eq!(earlier["entries"][1]["link_target"], "x/".repeat(300));
    // Page by page, and anywhere on the disk.
    let page = disk(home, "list", &[&id, "/", "--limit", "3"]);
    let after = page["next_after"].as_str().unwrap();
    let rest = disk(home, "list", &[&id, "/", "--after", after]);
    assert_eq!((page["count"].as_u64().unwrap(), rest["next_after"].clone()), (3, json!(null)));
    assert!(paths(&rest).contains(&"/usr") && paths(&rest)[0] > after, "{rest}");
    let read = disk(home, "read", &[&id, "/root/../root/other"]);
    assert_eq!((&read["path"], &read["content"]), (&json!("/root/other"), &json!("other\n")));
    assert_eq!(disk(home, "read", &[&id, "\"odd\\377\""])["content"], "odd\n");
    let tail = disk(home, "read", &[&id, "large", "--offset", &(3_u64 << 30).to_string()]);
    assert_eq!((&tail["content"], &tail["truncated"]), (&json!("end"), &json!(false)));
    assert_eq!(disk(home, "read", &[&id, "a b/c/file"])["content"], "two\n");
    assert_eq!(refused(home, "read", &[&id, "far"]), "not_found");
    assert_eq!(refused(home, "read", &[&id, "/etc"]), "invalid_input");
    assert_eq!(refused(home, "list", &[&id, "--snapshot", "none"]), "not_found");
    assert_eq!(refused(home, "list", &[&id, "a b", "--after", "way"]), "invalid_input");
    done(home, "delete", &[&id]);
    home.assert_clean();
}

fn a_stopped_disk_is_exported(home: &Home) {
    let id = created(home);
    exec(home, &id, "mkdir d && echo one > d/file");
    did(home, "create", &[&id, "before"]);
    exec(home, &id, "echo two > d/file");
    let place = home.path().join("new/out.ext4");
    let [raw, qcow2, earlier] = ["new/out.ext4", "new/out.qcow2", "new/before.ext4"]
        .map(|name| home.path().join(name).to_str().unwrap().to_owned());
    assert_eq!(refused(home, "export", &[&id, "--output", &raw]), "wrong_state");
    assert!(!place.exists());
    done(home, "stop", &[&id]);
    let exported = disk(home, "export", &[&id, "--output", &raw]);
    assert_eq!((&exported["disk_format"], &exported["output_path"]), (&json!("ext4"), &json!(raw)));
    assert_eq!(exported["needs_recovery"], false, "{exported}");
    let meta = place.metadata().unwrap();
    assert_eq!(exported["bytes_written"], meta.len());
    assert!(
        meta.blocks() * 512 < meta.len() / 2,
        "{} of {} bytes",
        meta.blocks() * 512,
        meta.len()
    );
    run("e2fsck", &["-fn", &raw]);
    assert_eq!(run("debugfs", &["-R", "cat /workspace/d/file", &raw]), "two\n");
    let to_qcow2 = [&id, "--output", &qcow2, "--format", "qcow2"];
    assert_eq!(disk(home, "export", &to_qcow2)["disk_format"], "qcow2");
    run("qemu-img", &["check", &qcow2]);
    run("qemu-img", &["compare", "-f", "raw", "-F", "qcow2", &raw, &qcow2]);
    // A snapshot, while the workspace runs: its disk was whole when it was closed.
    done(home, "start", &[&id]);
    let of_before = [&id, "--output", &earlier, "--snapshot", "before"];
    assert_eq!(disk(home, "export", &of_before)["needs_recovery"], false);
    run("e2fsck", &["-fn", &earlier]);
    assert_eq!(run("debugfs", &["-R", "cat /workspace/d/file", &earlier]), "one\n");
    assert_eq!(refused(home, "export", &of_before), "already_exists");
    assert_eq!(exec(home, &id, "cat d/file"), "two\n");
    assert_eq!(fs::read_dir(home.path().join("new")).unwrap().count(), 3);
    done(home, "delete", &[&id]);
    home.assert_clean();
}

fn an_exported_disk_is_mounted(home: &Home) {
    let id = created(home);
    exec(home, &id, "echo one > file");
    done(home, "stop", &[&id]);
    let [raw, place] =
        ["raw", "mounted"].map(|name| home.path().join(name).to_str().unwrap().to_owned());
    disk(home, "export", &[&id, "--output", &raw]);
    done(home, "delete", &[&id]);
    fs::create_dir(&place).unwrap();
    let mounted = Command::new("mount").args(["-o", "loop,ro", &raw, &place]).output().unwrap();
    if !mounted.status.success() {
        let why = String::from_utf8_lossy(&mounted.stderr);
        return skip(&format!("this user mounts nothing: {}", why.trim()));
    }
    let read = fs::read_to_string(Path::new(&place).join("workspace/file"));
    run("umount", &[&place]);
    assert_eq!(read.unwrap(), "one\n");
    home.assert_clean();
}

fn a_disk_that_was_not_unmounted_says_so(home: &Home) {
    let id = created(home);
    exec(home, &id, "echo kept > file");
    kill(home.process("-no-user-config"), "-KILL");
    eventually("an end", || (done(home, "status", &[&id])["state"] == "stopped").then_some(()));
    let raw = home.path().join("raw").to_str().unwrap().to_owned();
    assert_eq!(disk(home, "export", &[&id, "--output", &raw])["needs_recovery"], true);
    // Its journal says more than its reader knows; the disk comes out as it is.
    assert_eq!(refused(home, "list", &[&id]), "wrong_state");
    let _ = Command::new("e2fsck").args(["-fy", &raw]).output().unwrap();
    run("e2fsck", &["-fn", &raw]);
    assert_eq!(run("debugfs", &["-R", "cat /workspace/file", &raw]), "kept\n");
    done(home, "start", &[&id]);
    done(home, "stop", &[&id]);
    assert_eq!(disk(home, "read", &[&id, "file"])["content"], "kept\n");
    done(home, "delete", &[&id]);
    home.assert_clean();
}

/// Whether a client has begun to write in a directory: it holds a file there.
fn writes_in(client: &Child, directory: &Path) -> bool {
    let Ok(open) = fs::read_dir(format!("/proc/{}/fd", client.id())) else { return false };
    let mut targets = open.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    targets.any(|target| target.starts_with(directory) && target != directory)
}

fn an_export_that_is_ended_leaves_nothing(home: &Home) {
    let id = created(home);
    done(home, "stop", &[&id]);
    let directory = home.path().join("out");
    fs::create_dir(&directory).unwrap();
    let directory = directory.canonicalize().unwrap();
    let output = directory.join("disk").to_str().unwrap().to_owned();
    for signal in ["-KILL", "-TERM"] {
        let client = command(home, "export", &[&id, "--output", &output]).spawn().unwrap();
        eventually("file to be written", || writes_in(&client, &directory).then_some(()));
        kill(i32::try_from(client.id()).unwrap(), signal);
        assert!(!ended(client).status.success(), "{signal}");
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 0, "{signal}");
    }
    // Whoever starts it meanwhile is not kept waiting, and what was read of it is thrown away.
    let client = command(home, "export", &[&id, "--output", &output]).spawn().unwrap();
    eventually("file to be written", || writes_in(&client, &directory).then_some(()));
    kill(i32::try_from(client.id()).unwrap(), "-STOP");
    done(home, "start", &[&id]);
    kill(i32::try_from(client.id()).unwrap(), "-CONT");
    let told = said(&ended(client));
    assert_eq!(told["kind"], "wrong_state", "{told}");
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 0);
    done(home, "delete", &[&id]);
    home.assert_clean();
}
