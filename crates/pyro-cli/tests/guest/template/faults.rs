//! A template that is deleted, damaged, garbage or another QEMU's: the vm boots, and a fresh one
//! takes its place.

use super::{Cache, booted, resumed};
use crate::home::{ENVIRONMENT, Home, stderr, stdout};
use crate::on_each_engine;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

on_each_engine!(
    the_second_vm_starts_from_what_the_first_left,
    the_bare_one_serves_while_another_makes_the_mounted,
    a_damaged_one_is_made_again,
    garbage_that_claims_to_be_fine_is_made_again,
    a_qemu_that_crashes_on_it_is_no_error,
    another_qemu_has_another,
    pull_makes_the_first,
    prune_removes_all,
);

/// What a user sees of a guest that every guest has alike.
const LOOK: &str = "git --version; id; pwd; nproc; ls /; cat /etc/os-release; uname -a | cut -d' ' -f1,3-; umask; env";

fn the_second_vm_starts_from_what_the_first_left(home: &Home) {
    let cache = Cache::of(home);
    let first = cache.boots(LOOK);
    let template = cache.template();
    let used = || template.join("used").metadata().unwrap().modified().unwrap();
    let made = used();
    assert_eq!(cache.resumes(LOOK), first);
    assert_eq!(cache.template(), template);
    assert!(used() > made, "the last use is not told");
    let without = cache.command(&[], LOOK).env("PYRO_TEMPLATES", "off").output().unwrap();
    assert_eq!(booted(&without), first);
    // Another shape has another one.
    booted(&cache.command(&["--mem-mib", "512"], "true").output().unwrap());
    assert_eq!(cache.templates().len(), 4);
}

fn the_bare_one_serves_while_another_makes_the_mounted(home: &Home) {
    let cache = Cache::with_template(home);
    std::fs::remove_dir_all(cache.template()).unwrap();
    // Held as by a process that makes templates.
    let lock = pyro_core::testing::FileLock::try_acquire(&cache.directory().join(".lock"))
        .unwrap()
        .unwrap();
    let first = cache.resumes(LOOK);
    assert_eq!(cache.templates().len(), 1);
    // A bare one that fails is no error either.
    let bare = cache.directory().join(&cache.templates()[0]);
    std::fs::write(bare.join("state"), b"").unwrap();
    claim_to_be_fine(&bare);
    assert_eq!(cache.boots(LOOK), first);
    assert!(cache.templates().is_empty());
    drop(lock);
    assert_eq!(cache.boots(LOOK), first);
    cache.template();
}

/// What is done to a template, and its name.
type Spoil<'a> = (&'static str, &'a dyn Fn(&Path));

fn alter(file: &Path, at: u64) {
    let file = std::fs::File::options().read(true).write(true).open(file).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 1], at).unwrap();
}

fn truncate(file: &Path, len: u64) {
    std::fs::File::options().write(true).open(file).unwrap().set_len(len).unwrap();
}

fn a_damaged_one_is_made_again(home: &Home) {
    let cache = Cache::with_template(home);
    let damages: [Spoil; 8] = [
        ("deleted", &|template| std::fs::remove_dir_all(template).unwrap()),
        ("its memory truncated", &|template| truncate(&template.join("ram"), 100 << 20)),
        ("its state truncated", &|template| truncate(&template.join("state"), 10_000)),
        ("a byte of its memory altered", &|template| alter(&template.join("ram"), 17 << 20)),
        ("a byte of its state altered", &|template| alter(&template.join("state"), 30_000)),
        ("a byte of its layer altered", &|template| alter(&template.join("layer.qcow2"), 70_000)),
        ("its layer deleted", &|template| {
            std::fs::remove_file(template.join("layer.qcow2")).unwrap()
        }),
        ("its record emptied", &|template| truncate(&template.join("template.json"), 0)),
    ];
    for (damage, inflict) in damages {
        let template = cache.template();
        let record = || std::fs::read(template.join("template.json")).unwrap();
        let before = record();
        inflict(&template);
        assert_eq!(cache.boots("echo up"), "up\n", "{damage}");
        assert_eq!(cache.template(), template, "{damage}");
        assert_ne!(record(), before, "{damage}");
    }
    assert_eq!(cache.resumes("echo up"), "up\n");
}

/// Make the record say that the files are as they are now.
fn claim_to_be_fine(template: &Path) {
    let stamp = |name: &str| {
        let meta = template.join(name).metadata().unwrap();
        let nanoseconds = |seconds: i64, rest: i64| seconds * 1_000_000_000 + rest;
        serde_json::json!({
            "size": meta.size(),
            "mtime_ns": nanoseconds(meta.mtime(), meta.mtime_nsec()),
            "ctime_ns": nanoseconds(meta.ctime(), meta.ctime_nsec()),
            "inode": meta.ino(),
            "device": meta.dev(),
        })
    };
    let mut record =
        serde_json::json!({ "ram": stamp("ram"), "state": stamp("state"), "layer": null });
    if template.join("layer.qcow2").exists() {
        record["layer"] = stamp("layer.qcow2");
    }
    std::fs::write(template.join("template.json"), record.to_string()).unwrap();
}

fn garbage_that_claims_to_be_fine_is_made_again(home: &Home) {
    let cache = Cache::of(home);
    booted(&cache.command(&["--mem-mib", "512"], "true").output().unwrap());
    let smaller = home.path().join("smaller");
    std::fs::rename(cache.template(), &smaller).unwrap();
    cache.clear();
    cache.boots("true");
    let write = |name: &'static str, bytes: Vec<u8>| {
        move |template: &Path| std::fs::write(template.join(name), &bytes).unwrap()
    };
    let copy = |name: &'static str| {
        let from = smaller.join(name);
        move |template: &Path| {
            std::fs::remove_file(template.join(name)).unwrap();
            std::fs::copy(&from, template.join(name)).unwrap();
        }
    };
    let state = std::fs::read(cache.template().join("state")).unwrap();
    let noise: Vec<u8> =
        state.iter().enumerate().map(|(at, byte)| if at < 64 { *byte } else { at as u8 }).collect();
    let kinds: [Spoil; 7] = [
        ("no state", &write("state", Vec::new())),
        ("half a state", &write("state", state[..state.len() / 2].to_vec())),
        ("noise for a state", &write("state", noise)),
        ("the state of a smaller vm", &copy("state")),
        ("the memory of a smaller vm", &copy("ram")),
        ("noise for a layer", &write("layer.qcow2", vec![7; 70_000])),
        ("no memory", &|template: &Path| {
            truncate(&template.join("ram"), 0);
            truncate(&template.join("ram"), 1 << 30);
        }),
    ];
    for (kind, spoil) in kinds {
        let template = cache.template();
        spoil(&template);
        claim_to_be_fine(&template);
        let output = cache.command(&[], "echo up").output().unwrap();
        assert_eq!(booted(&output), "up\n", "{kind}");
        assert!(stderr(&output).contains("a template failed"), "{kind}: {}", stderr(&output));
        assert_eq!(cache.template(), template, "{kind}");
    }
    assert_eq!(cache.resumes("echo up"), "up\n");
}

/// A directory for `PATH` in front of the rest, with a copy of QEMU in a prefix of its own; where
/// there is a `script`, a shell runs it first.
fn other_qemu(home: &Home, name: &str, script: Option<&str>) -> PathBuf {
    let prefix = home.path().join(name);
    let bin = prefix.join("bin");
    std::fs::create_dir_all(&bin).unwrap();
    // It looks for its firmware and modules beside itself.
    for beside in ["share", "lib"] {
        symlink(Path::new("/usr").join(beside), prefix.join(beside)).unwrap();
    }
    let path = std::env::var_os("PATH").unwrap();
    let qemu = std::env::split_paths(&path)
        .map(|dir| dir.join("qemu-system-x86_64"))
        .find(|file| file.is_file());
    let qemu = qemu.unwrap();
    let program = bin.join("qemu-system-x86_64");
    match script {
        None => drop(std::fs::copy(qemu, program).unwrap()),
        Some(script) => {
            // Confined as QEMU is, it executes nothing outside its prefix.
            std::fs::copy(qemu, bin.join("qemu")).unwrap();
            std::fs::copy("/bin/sh", bin.join("sh")).unwrap();
            let (sh, qemu) = (bin.join("sh"), bin.join("qemu"));
            let text = format!("#!{}\n{script}\nexec {} \"$@\"\n", sh.display(), qemu.display());
            std::fs::write(&program, text).unwrap();
            std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
    }
    bin
}

fn with_path(mut command: Command, bin: &Path) -> Command {
    command
        .env("PATH", format!("{}:/usr/bin:/bin:/usr/sbin:/sbin", bin.display()))
        .env_remove("PYRO_QEMU");
    command
}

fn a_qemu_that_crashes_on_it_is_no_error(home: &Home) {
    let cache = Cache::of(home);
    for signal in ["ABRT", "SEGV", "BUS"] {
        let script = format!("case \"$*\" in *-incoming*) kill -{signal} $$;; esac");
        let bin = other_qemu(home, signal, Some(&script));
        let run = || with_path(cache.command(&[], "echo up"), &bin).output().unwrap();
        booted(&run());
        cache.template();
        let output = run();
        assert_eq!(booted(&output), "up\n");
        assert!(stderr(&output).contains("a template failed"), "{}", stderr(&output));
        cache.clear();
    }
}

fn another_qemu_has_another(home: &Home) {
    let cache = Cache::with_template(home);
    let first = cache.template();
    let bin = other_qemu(home, "other", None);
    let run = || with_path(cache.command(&[], "echo up"), &bin).output().unwrap();
    assert_eq!(booted(&run()), "up\n");
    assert_eq!(cache.templates().len(), 4);
    assert_eq!(resumed(&run()), "up\n");
    assert_eq!(cache.resumes("echo up"), "up\n");
    // A package update replaces it where it is.
    std::fs::remove_dir_all(first).unwrap();
    std::fs::copy(bin.join("qemu-system-x86_64"), bin.join("new")).unwrap();
    std::fs::rename(bin.join("new"), bin.join("qemu-system-x86_64")).unwrap();
    assert_eq!(booted(&run()), "up\n");
    assert_eq!(cache.templates().len(), 5);
}

fn pull_makes_the_first(home: &Home) {
    let cache = Cache::of(home);
    let pull = || cache.aim(home.pyro(&["env", "pull", ENVIRONMENT, "--json"]));
    let pulled = |mut command: Command| {
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((&report["name"], &report["installed"]), (&ENVIRONMENT.into(), &true.into()));
        stderr(&output)
    };
    // Neither no QEMU nor one that does not work is a failure of the installation.
    let empty = home.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    let mut without = pull();
    without.env("PATH", &empty).env_remove("PYRO_QEMU");
    let told = pulled(without);
    assert!(!told.contains("WARN") && !told.contains("booting"), "{told}");
    let broken = other_qemu(home, "broken", Some("exit 1"));
    let told = pulled(with_path(pull(), &broken));
    assert!(told.contains("no template was made"), "{told}");
    assert!(cache.templates().is_empty());
    home.assert_clean();

    let told = pulled(pull());
    assert!(told.contains("booting once") && told.contains(" boot:"), "{told}");
    assert_eq!(cache.resumes("echo up"), "up\n");
    let told = pulled(pull());
    assert!(!told.contains("booting"), "{told}");
    cache.template();
}

fn prune_removes_all(home: &Home) {
    let cache = Cache::with_template(home);
    cache.template();
    let names: Vec<String> =
        cache.templates().into_iter().map(|name| format!("templates/{name}")).collect();
    std::fs::create_dir(cache.directory().join(".making-12345678")).unwrap();
    // A vm that runs from a template outlives it.
    let mut command = cache.command(&[], "echo up; read line; git --version");
    let mut child = command.stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "up");
    let pruned = cache.aim(home.pyro(&["env", "prune", "--json"])).output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&pruned.stdout).unwrap();
    let removed: Vec<&str> = report["deleted_environment_dirs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|name| name.as_str().unwrap())
        .collect();
    assert!(
        names.iter().all(|name| removed.contains(&name.as_str())) && removed.is_sorted(),
        "{report}"
    );
    assert_eq!(report["count"], removed.len());
    assert!(cache.templates().is_empty(), "{:?}", cache.templates());
    child.stdin.take().unwrap().write_all(b"\n").unwrap();
    assert!(lines.next().unwrap().unwrap().starts_with("git version"));
    assert!(child.wait().unwrap().success());

    cache.boots("true");
    let pruned = cache.aim(home.pyro(&["env", "prune"])).output().unwrap();
    let deleted: String = names.iter().map(|name| format!("- {name}\n")).collect();
    let entries = if names.len() == 1 { "entry" } else { "entries" };
    assert_eq!(
        stdout(&pruned),
        format!("Deleted {} cached environment {entries}.\n{deleted}", names.len())
    );
}
