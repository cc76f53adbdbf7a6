//! Making a template: by many at once, killed on the way, on a full disk.

use super::{Cache, booted, start_of};
use crate::home::{Home, eventually, hand_over, is_signalled, stderr, stdout};
use crate::on_each_engine;
use crate::skip::skip;
use std::process::{Child, Command, Stdio};

on_each_engine!(many_at_once_leave_one, killed_on_the_way_nothing_is_left, a_full_disk_is_no_error);

fn many_at_once_leave_one(home: &Home) {
    let cache = Cache::of(home);
    for count in [2, 6] {
        let children: Vec<Child> = (0..count)
            .map(|number| cache.command(&[], &format!("echo {number}")).spawn().unwrap())
            .collect();
        for (number, child) in children.into_iter().enumerate() {
            let output = child.wait_with_output().unwrap();
            start_of(&output);
            assert_eq!(stdout(&output), format!("{number}\n"), "{}", stderr(&output));
        }
        cache.template();
        assert_eq!(cache.resumes("echo up"), "up\n");
        // The next ones find neither a template nor the archive that the kernel unpacks.
        std::fs::remove_dir_all(cache.directory()).unwrap();
        std::fs::remove_dir_all(cache.path.join("initramfs")).unwrap();
    }
}

fn killed_on_the_way_nothing_is_left(home: &Home) {
    let cache = Cache::of(home);
    for (moment, victim) in [
        ("", "supervise"),
        ("state", "supervise"),
        ("ram", "supervise"),
        ("ram", "client"),
        ("ram", "-no-user-config"),
    ] {
        let mut tries = 0;
        while !killed_while_making(&cache, moment, victim) {
            tries += 1;
            assert!(tries < 60, "{moment:?} {victim}: each was faster than the look");
            cache.clear();
        }
        let output = cache.command(&[], "echo again").output().unwrap();
        start_of(&output);
        assert_eq!(stdout(&output), "again\n", "{moment} {victim}");
        // Exactly one of each kind, and nothing half made.
        cache.template();
        cache.clear();
    }
}

/// Kill the victim as soon as that part of a template is there; not where all was made before that
/// was seen, since each part is there for some 50 ms only.
fn killed_while_making(cache: &Cache, moment: &str, victim: &str) -> bool {
    // `pyro run` ends before its supervisor does, which must not be taken for the next one's.
    cache.home.assert_clean();
    // Slower than the look, whatever else the machine does.
    let mut command = Command::new("nice");
    command.args(["-n", "5"]);
    hand_over(&mut command, &cache.command(&[], "true"));
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let is_making = || {
        let names = cache.templates();
        let making = names.iter().find(|name| name.starts_with(".making-"));
        making.is_some_and(|making| cache.directory().join(making).join(moment).exists())
    };
    let mut process = None;
    let mut is_seen = eventually("template in the making", || {
        let has_ended = child.try_wait().unwrap().is_some();
        if process.is_none() && victim != "client" {
            process = cache.home.processes().into_iter().find(|(_, line)| line.contains(victim));
        }
        if has_ended {
            Some(false)
        } else {
            (is_making() && (victim == "client" || process.is_some())).then_some(true)
        }
    });
    if is_seen {
        match process {
            Some((process, _)) => is_seen = is_signalled(process, "-KILL"),
            None => child.kill().unwrap(),
        }
    }
    child.wait().unwrap();
    cache.home.assert_clean();
    is_seen
}

fn a_full_disk_is_no_error(home: &Home) {
    if !Command::new("unshare").args(["-m", "true"]).status().is_ok_and(|status| status.success()) {
        return skip("no mount namespace of its own: this needs root");
    }
    let cache = Cache::of(home);
    std::fs::create_dir(cache.directory()).unwrap();
    // Full before the memory is written, before the devices' state is, and before there is a
    // directory for them.
    for size in ["size=30m", "size=32k", "nr_inodes=2"] {
        let mut command = Command::new("unshare");
        let script = "mount -t tmpfs -o \"$1\" none \"$2\" && shift && dir=$1 && shift && \"$@\" && ls -A \"$dir\"";
        command.args(["-m", "sh", "-c", script, "sh", size]).arg(cache.directory());
        hand_over(&mut command, &cache.command(&[], "echo up"));
        let output = command.output().unwrap();
        let told = booted(&output);
        let left = told.lines().filter(|name| *name != ".lock" && !name.starts_with(".tsc-khz-"));
        assert_eq!(left.collect::<Vec<_>>(), ["up"], "{size}: {}", stderr(&output));
        assert!(stderr(&output).contains("no template"), "{size}: {}", stderr(&output));
    }
    assert!(cache.templates().is_empty());
}
