//! Full disks, killed clients, and changes at the same moment: each operation is done as a whole or not at all.

use super::{nothing_is_staged, ok, refused, seeded, workspace};
use crate::home::{Home, eventually, stderr};
use crate::skip::skip;
use crate::workspace::{created, done, exec, said};
use crate::{on_each_engine, on_the_host};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

on_the_host!(a_killed_client_leaves_all_or_nothing, two_changes_at_once_are_one_or_a_conflict);
on_each_engine!(
    a_full_guest_disk_changes_nothing,
    a_full_host_disk_leaves_nothing,
    an_export_is_on_the_disk_before_it_appears,
    a_killed_client_leaves_all_or_nothing,
    two_changes_at_once_are_one_or_a_conflict,
);

fn a_full_guest_disk_changes_nothing(home: &Home) {
    let seed = home.path().join("seed");
    fs::create_dir(&seed).unwrap();
    fs::write(seed.join("f"), "a\n").unwrap();
    let id = &seeded(home, &seed, &[]);
    exec(home, id, "fallocate -l $(($(df -B1 --output=avail / | tail -1) - 2000000)) /fill; sync");
    fs::write(seed.join("f"), "b\n").unwrap();
    fs::write(seed.join("large"), vec![7; 20_000_000]).unwrap();
    let (kind, words) = refused(home, &["sync", "push", id, seed.to_str().unwrap()]);
    assert_eq!(kind, "guest", "{words}");
    let lines: String = (0..1_000_000).map(|n| format!("+{n}\n")).collect();
    let patch = home.path().join("p.diff");
    fs::write(
        &patch,
        format!("--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\n+c\n--- /dev/null\n+++ b/g\n@@ -0,0 +1,1000000 @@\n{lines}"),
    )
    .unwrap();
    let (kind, words) = refused(home, &["patch", "apply", id, "--patch-file", patch.to_str().unwrap()]);
    assert_eq!(kind, "guest", "{words}");
    assert_eq!(refused(home, &["file", "write", id, "g", "--text-file", patch.to_str().unwrap()]).0, "guest");
    assert_eq!(exec(home, id, "ls -A . /.pyro/stages; cat f"), ".:\nf\n\n/.pyro/stages:\na\n");
    // What stands on the layers below needs none of it.
    let fork = ok(home, &["fork", id])["workspaces"][0]["workspace_id"].as_str().unwrap().to_owned();
    assert_eq!(refused(home, &["file", "write", &fork, "g", "--text-file", patch.to_str().unwrap()]).0, "guest");
    done(home, "reset", &[&fork]);
    ok(home, &["file", "write", &fork, "g", "--text", "room"]);
    done(home, "delete", &[&fork]);
    exec(home, id, "rm /fill; sync");
    ok(home, &["sync", "push", id, seed.to_str().unwrap()]);
    assert_eq!(exec(home, id, "cat f; stat -c %s large"), "b\n20000000\n");
    done(home, "delete", &[id]);
}

fn a_full_host_disk_leaves_nothing(home: &Home) {
    let id = &created(home);
    exec(home, id, "head -c 30000000 /dev/urandom > large; echo > small");
    let mount = home.path().join("small");
    fs::create_dir(&mount).unwrap();
    let (at, pyro) = (mount.to_str().unwrap(), home.pyro(&[]).get_program().to_owned());
    for format in ["dir", "tar", "patch"] {
        let script = format!(
            "mount -t tmpfs -o size=8m none {at} || exit 99; {pyro:?} workspace export {id} . --format {format} --output \
             {at}/out --json; status=$?; ls -A {at} >&2; exit $status"
        );
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", &script]);
        for (name, value) in home.pyro(&[]).get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let output = command.output().unwrap();
        if output.status.code() == Some(99) || stderr(&output).contains("unshare") {
            skip("no mount namespace can be had");
            break;
        }
        assert!(!output.status.success() && stderr(&output).is_empty(), "{format}: {}", stderr(&output));
        assert!(said(&output)["hint"].is_string());
    }
    done(home, "delete", &[id]);
}

fn an_export_is_on_the_disk_before_it_appears(home: &Home) {
    if !Path::new("/usr/bin/strace").exists() {
        return skip("strace is needed to see what reaches the disk");
    }
    let id = &created(home);
    exec(home, id, "mkdir d; seq 1 100 > d/f; echo x > g");
    let out = home.path().join("out");
    let trace = home.path().join("trace");
    let export = |what: &str, flags: &[&str]| {
        let mut command = Command::new("strace");
        command.args(["-f", "-qq", "-o", trace.to_str().unwrap(), "-e", "trace=syncfs,fsync,renameat2,rename,linkat"]);
        command.args(flags).arg(home.pyro(&[]).get_program());
        command.args(["workspace", "export", id, what, "--force", "--json", "--output", out.to_str().unwrap()]);
        for (name, value) in home.pyro(&[]).get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.output().unwrap()
    };
    for what in ["d", "g", "d"] {
        let output = export(what, &[]);
        assert!(output.status.success(), "{}", stderr(&output));
        let traced = fs::read_to_string(&trace).unwrap();
        let appears = traced.lines().position(|line| line.contains("rename") && line.contains("\"out\"")).unwrap();
        let calls = |lines: &[&str], call: &str| lines.iter().any(|line| line.contains(&format!("{call}(")));
        let lines: Vec<&str> = traced.lines().collect();
        assert!(calls(&lines[..appears], "syncfs"), "{what}: not written out before: {traced}");
        assert!(calls(&lines[appears..], "fsync"), "{what}: its name is not: {traced}");
    }
    // A disk that is full at the last moment, or fails.
    for (error, what) in [("ENOSPC", "g"), ("EIO", "g")] {
        let output = export(what, &["-e", &format!("inject=syncfs:error={error}")]);
        let told = said(&output);
        assert_eq!((&told["kind"], told["hint"].is_string()), (&"io".into(), true), "{told}");
        assert!(out.join("f").exists(), "what was there stays");
    }
    let left: Vec<_> = fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with(".pyro-")), "{left:?}");
    done(home, "delete", &[id]);
}

fn a_killed_client_leaves_all_or_nothing(home: &Home) {
    let (old, new) = (home.path().join("old"), home.path().join("new"));
    for (dir, byte) in [(&old, b'a'), (&new, b'b')] {
        fs::create_dir(dir).unwrap();
        for number in 0..300 {
            fs::write(dir.join(format!("f{number}")), vec![byte; 20_000]).unwrap();
        }
    }
    let id = &seeded(home, &old, &[]);
    let export = home.path().join("exported");
    let started = Instant::now();
    ok(home, &["sync", "push", id, new.to_str().unwrap(), "--dry-run"]);
    let step = started.elapsed() / 4;
    for round in 0..8_u32 {
        let source = if round % 2 == 0 { &new } else { &old };
        for words in [
            &["sync", "push", id, source.to_str().unwrap()][..],
            &["export", id, ".", "--force", "--output", export.to_str().unwrap()],
        ] {
            let mut client = home.pyro(&[&["workspace"], words].concat()).spawn().unwrap();
            let over = Instant::now() + step * (round + 1) + Duration::from_millis(2);
            eventually("moment to kill at", || (Instant::now() >= over).then_some(()));
            let _ = client.kill();
            client.wait().unwrap();
        }
        let kinds =
            "cat f* | head -c 6000000 | tr -d '\\n' | fold -w 20000 | sort -u | cut -c1 | uniq | wc -l; ls | wc -l";
        assert_eq!(exec(home, id, kinds), "1\n300\n", "round {round}: whole, the one or the other");
        if export.exists() {
            assert_eq!(fs::read_dir(&export).unwrap().count(), 300);
        }
    }
    // What a killed push had staged goes at the next start at the latest.
    done(home, "stop", &[id]);
    done(home, "start", &[id]);
    assert_eq!(exec(home, id, "ls -A ../.pyro/stages"), "");
    done(home, "delete", &[id]);
}

fn two_changes_at_once_are_one_or_a_conflict(home: &Home) {
    let id = &created(home);
    exec(home, id, "seq 1 2000 > f");
    let patch = |name: &str| {
        let path = home.path().join(name);
        fs::write(&path, format!("--- a/f\n+++ b/f\n@@ -1,3 +1,3 @@\n 1\n-2\n+{name}\n 3\n")).unwrap();
        path
    };
    let files: Vec<_> = (0..6).map(|number| patch(&format!("p{number}"))).collect();
    let start = |file: &std::path::PathBuf| {
        home.pyro(&["workspace", "patch", "apply", id, "--json", "--patch-file", file.to_str().unwrap()])
            .spawn()
            .unwrap()
    };
    let clients: Vec<_> = files.iter().map(start).collect();
    let outputs: Vec<_> = clients.into_iter().map(|client| client.wait_with_output().unwrap()).collect();
    let (won, lost): (Vec<_>, Vec<_>) = outputs.iter().partition(|output| output.status.success());
    assert_eq!((won.len(), lost.len()), (1, 5));
    assert!(lost.iter().all(|output| said(output)["kind"] == "conflict"));
    assert_eq!(exec(home, id, "wc -l < f; ls -A"), "2000\nf\n");
    nothing_is_staged(home, id);
    assert!(workspace(home, &["diff", id]).status.success());
    done(home, "delete", &[id]);
}
