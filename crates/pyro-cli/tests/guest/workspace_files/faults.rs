//! Full disks, killed clients, and changes at the same moment: each operation is done as a whole or
//! not at all.

use super::killed::{at_moments, time_of};
use super::{bomb, nothing_is_staged, ok, refused, seeded, workspace};
use crate::home::{ENVIRONMENT, Home, eventually, kill, stderr};
use crate::skip::skip;
use crate::template::Cache;
use crate::vm;
use crate::workspace::{command, created, done, exec, said};
use crate::{on_each_engine, on_the_host};
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

on_the_host!(a_killed_client_leaves_all_or_nothing, two_changes_at_once_are_one_or_a_conflict);
on_each_engine!(
    a_full_guest_disk_changes_nothing,
    a_seed_larger_than_the_guests_disk_leaves_nothing,
    a_full_host_disk_leaves_nothing,
    an_export_is_on_the_disk_before_it_appears,
    an_export_that_is_ended_leaves_nothing,
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
    let (kind, words) =
        refused(home, &["patch", "apply", id, "--patch-file", patch.to_str().unwrap()]);
    assert_eq!(kind, "guest", "{words}");
    assert_eq!(
        refused(home, &["file", "write", id, "g", "--text-file", patch.to_str().unwrap()]).0,
        "guest"
    );
    assert_eq!(exec(home, id, "ls -A . /.pyro/stages; cat f"), ".:\nf\n\n/.pyro/stages:\na\n");
    // What stands on the layers below needs none of it.
    let fork =
        ok(home, &["fork", id])["workspaces"][0]["workspace_id"].as_str().unwrap().to_owned();
    assert_eq!(
        refused(home, &["file", "write", &fork, "g", "--text-file", patch.to_str().unwrap()]).0,
        "guest"
    );
    done(home, "reset", &[&fork]);
    ok(home, &["file", "write", &fork, "g", "--text", "room"]);
    done(home, "delete", &[&fork]);
    exec(home, id, "rm /fill; sync");
    ok(home, &["sync", "push", id, seed.to_str().unwrap()]);
    assert_eq!(exec(home, id, "cat f; stat -c %s large"), "b\n20000000\n");
    done(home, "delete", &[id]);
}

fn a_seed_larger_than_the_guests_disk_leaves_nothing(home: &Home) {
    const ROOM: u64 = 50_000_000;
    // Filling the 8 GiB of a disk takes minutes: new vms have one that is almost full.
    let cache = Cache::of(home);
    let vm = &vm::started(home);
    let fill =
        format!("fallocate -l $(($(df -B1 --output=avail / | tail -1) - {ROOM})) /fill; sync");
    vm::done(home, &["plain", vm, &fill]);
    vm::done(home, &["stop", vm]);
    cache.begin_with(&home.data_dir().join("vms").join(vm).join("layer.qcow2"));
    vm::done(home, &["delete", vm]);
    let creating = |seed: &Path| {
        let flags = ["--mem-mib", "512", "--seed-path", seed.to_str().unwrap()];
        let mut create = cache.aim(command(home, "create", &[&[ENVIRONMENT], &flags[..]].concat()));
        let mut client = create.stderr(Stdio::null()).spawn().unwrap();
        let mut most_kib = 0;
        eventually("end of the create", || {
            most_kib = most_kib
                .max(memory_kib(home, "pyro workspace"))
                .max(memory_kib(home, "pyro supervise"));
            client.try_wait().unwrap()
        });
        assert!(most_kib > 0 && most_kib < 200_000, "{most_kib} KiB");
        client.wait_with_output().unwrap()
    };
    let dir = home.path().join("seed");
    fs::create_dir(&dir).unwrap();
    for number in 0..4 {
        fs::write(dir.join(format!("f{number}")), vec![7; 20_000_000]).unwrap();
    }
    for seed in [&dir, &bomb(home)] {
        let output = creating(seed);
        let told = said(&output);
        println!("{}: {told}", home.mode());
        assert!(!output.status.success() && told["kind"] == "guest", "{told}");
        let (words, hint) = (told["error"].as_str().unwrap(), told["hint"].as_str().unwrap());
        assert!(words.contains("does not fit") && words.contains("8 GiB"), "{told}");
        assert!(
            hint.contains("create it again") && !told.to_string().contains("WORKSPACE_ID"),
            "{told}"
        );
        assert_eq!(done(home, "list", &[])["count"], 0);
        home.assert_clean();
    }
    for number in 1..4 {
        fs::remove_file(dir.join(format!("f{number}"))).unwrap();
    }
    let created = creating(&dir);
    assert!(created.status.success(), "what fits is taken: {}", said(&created));
    let id = said(&created)["workspace_id"].as_str().unwrap().to_owned();
    assert_eq!(exec(home, &id, "stat -c %s f0"), "20000000\n");
    done(home, "delete", &[&id]);
}

/// The most memory that a process of the home with such a command line has had, in KiB; 0 where
/// there is none.
fn memory_kib(home: &Home, part: &str) -> u64 {
    let of = |pid: i32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        line.trim().trim_end_matches(" kB").parse().ok()
    };
    home.processes()
        .iter()
        .filter(|(_, line)| line.contains(part))
        .filter_map(|(pid, _)| of(*pid))
        .max()
        .unwrap_or(0)
}

fn a_full_host_disk_leaves_nothing(home: &Home) {
    let id = &created(home);
    // Each one is small enough to be held in memory for a patch; all of them are more than the disk
    // takes.
    exec(
        home,
        id,
        "for n in 1 2 3; do base64 /dev/urandom | head -c 10000000 > large$n; done; echo > small",
    );
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
        assert!(
            !output.status.success() && stderr(&output).is_empty(),
            "{format}: {}",
            stderr(&output)
        );
        let told = said(&output);
        let words = told.to_string().to_lowercase();
        assert!(told["kind"] == "io" && told["hint"].is_string(), "{format}: {told}");
        assert!(words.contains("no space") || words.contains("full"), "{format}: {told}");
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
        command.args([
            "-f",
            "-qq",
            "-o",
            trace.to_str().unwrap(),
            "-e",
            "trace=syncfs,fsync,renameat2,renameat,rename,linkat",
        ]);
        command.args(flags).arg(home.pyro(&[]).get_program());
        command.args([
            "workspace",
            "export",
            id,
            what,
            "--force",
            "--json",
            "--output",
            out.to_str().unwrap(),
        ]);
        for (name, value) in home.pyro(&[]).get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.output().unwrap()
    };
    for what in ["g", "d", "d"] {
        let output = export(what, &[]);
        assert!(output.status.success(), "{}", stderr(&output));
        let traced = fs::read_to_string(&trace).unwrap();
        let appears = traced
            .lines()
            .position(|line| line.contains("rename") && line.contains("\"out\""))
            .unwrap();
        let calls = |lines: &[&str], call: &str| {
            lines.iter().any(|line| line.contains(&format!("{call}(")))
        };
        let lines: Vec<&str> = traced.lines().collect();
        assert!(calls(&lines[..appears], "syncfs"), "{what}: not written out before: {traced}");
        assert!(calls(&lines[appears..], "fsync"), "{what}: its name is not: {traced}");
    }
    // A disk that is full at the last moment, or fails.
    for (error, what) in [("ENOSPC", "d"), ("EIO", "d")] {
        let output = export(what, &["-e", &format!("inject=syncfs:error={error}")]);
        let told = said(&output);
        assert_eq!((&told["kind"], told["hint"].is_string()), (&"io".into(), true), "{told}");
        assert!(out.join("f").exists(), "what was there stays");
    }
    let left: Vec<_> =
        fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with(".pyro-")), "{left:?}");
    done(home, "delete", &[id]);
}

fn an_export_that_is_ended_leaves_nothing(home: &Home) {
    let id = &created(home);
    exec(home, id, "seq 1200000 | split -a 4 -d -l 400 - f");
    let outputs = home.path().join("outputs");
    fs::create_dir(&outputs).unwrap();
    let staged = || {
        let names = fs::read_dir(&outputs).unwrap().map(|entry| entry.unwrap().file_name());
        names.filter(|name| name.to_string_lossy().starts_with(".pyro-")).count()
    };
    let out = outputs.join("out");
    let out = out.to_str().unwrap();
    let (mut left, mut too_late) = (0, 0);
    for format in ["dir", "tar"] {
        for signal in ["-TERM", "-INT", "-KILL"] {
            for round in 0..4_u32 {
                let words = ["workspace", "export", id, ".", "--format", format, "--output", out];
                let mut client = home.pyro(&words).spawn().unwrap();
                eventually("staging", || (staged() > 0).then_some(()));
                let over = Instant::now() + Duration::from_millis(15) * round;
                eventually("moment to end it at", || (Instant::now() >= over).then_some(()));
                kill(i32::try_from(client.id()).unwrap(), signal);
                if client.wait().unwrap().success() {
                    // It was over before.
                    too_late += 1;
                    match format {
                        "dir" => fs::remove_dir_all(out).unwrap(),
                        _ => fs::remove_file(out).unwrap(),
                    }
                }
                assert!(!Path::new(out).exists(), "{format} {signal} {round}");
                if signal == "-KILL" {
                    left = left.max(staged());
                    // It is for the next one to remove.
                    ok(home, &["export", id, "f0001", "--format", format, "--output", out]);
                    fs::remove_file(out).unwrap();
                }
                assert_eq!(staged(), 0, "{format} {signal} {round}");
            }
        }
    }
    assert!(left > 0 && too_late < 12, "no kill came in the middle");
    let new = outputs.join("new/deep/x");
    for format in ["dir", "tar"] {
        let words =
            ["export", id, "missing", "--format", format, "--output", new.to_str().unwrap()];
        assert_eq!(refused(home, &words).0, "not_found");
    }
    assert_eq!(fs::read_dir(&outputs).unwrap().count(), 0, "nothing is made for what is not there");
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
    let push =
        |is_new: bool| ["sync", "push", id, if is_new { &new } else { &old }.to_str().unwrap()];
    let exporting = ["export", id, ".", "--force", "--output", export.to_str().unwrap()];
    let usual = [time_of(home, &push(true)), time_of(home, &exporting)];
    let (mut is_new, mut cut_off) = (true, 0);
    at_moments(8, |part| {
        // What was there before is what the push replaces, so that each one has all to do.
        let was_cut_off = killed_after(home, &push(!is_new), usual[0].mul_f64(part));
        killed_after(home, &exporting, usual[1].mul_f64(part));
        cut_off += usize::from(was_cut_off);
        // A commit that was under way goes on without its client; its stage is there for as long.
        nothing_is_staged(home, id);
        let kinds = "cat f* | fold -w 20000 | cut -c1 | sort | uniq -c | tr -s ' '; ls | wc -l";
        is_new = match exec(home, id, kinds).as_str() {
            " 300 a\n300\n" => false,
            " 300 b\n300\n" => true,
            seen => panic!("{part} of a push: neither the one nor the other: {seen}"),
        };
        assert_eq!(fs::read_dir(&export).unwrap().count(), 300, "{part} of an export");
        was_cut_off
    });
    println!("{}: {cut_off} pushes were cut off", home.mode());
    // What a killed push had staged goes at the next start at the latest; the area itself is made
    // by the first one.
    done(home, "stop", &[id]);
    done(home, "start", &[id]);
    nothing_is_staged(home, id);
    done(home, "delete", &[id]);
}

/// Kill the client after so long; whether that was before its end.
fn killed_after(home: &Home, words: &[&str], after: Duration) -> bool {
    let mut client =
        home.pyro(&[&["workspace"], words].concat()).stdout(Stdio::null()).spawn().unwrap();
    std::thread::sleep(after);
    client.kill().unwrap();
    let status = client.wait().unwrap();
    assert!(status.success() || status.signal() == Some(9), "{words:?}: {status}");
    !status.success()
}

fn two_changes_at_once_are_one_or_a_conflict(home: &Home) {
    let id = &created(home);
    exec(home, id, "seq 1 2000 > f");
    let patch = |name: &str| {
        let path = home.path().join(name);
        fs::write(&path, format!("--- a/f\n+++ b/f\n@@ -1,3 +1,3 @@\n 1\n-2\n+{name}\n 3\n"))
            .unwrap();
        path
    };
    let files: Vec<_> = (0..6).map(|number| patch(&format!("p{number}"))).collect();
    let start = |file: &std::path::PathBuf| {
        home.pyro(&[
            "workspace",
            "patch",
            "apply",
            id,
            "--json",
            "--patch-file",
            file.to_str().unwrap(),
        ])
        .spawn()
        .unwrap()
    };
    let clients: Vec<_> = files.iter().map(start).collect();
    let outputs: Vec<_> =
        clients.into_iter().map(|client| client.wait_with_output().unwrap()).collect();
    let (won, lost): (Vec<_>, Vec<_>) = outputs.iter().partition(|output| output.status.success());
    assert_eq!((won.len(), lost.len()), (1, 5));
    assert!(lost.iter().all(|output| said(output)["kind"] == "conflict"));
    assert_eq!(exec(home, id, "wc -l < f; ls -A"), "2000\nf\n");
    nothing_is_staged(home, id);
    assert!(workspace(home, &["diff", id]).status.success());
    done(home, "delete", &[id]);
}
