//! A guest that owns its engine: it costs the host bounded memory and ends in a typed error.

use crate::home::{Home, PYRO, eventually, stderr};
use crate::output::resident_kib;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// Start `pyro run` with an engine that behaves so.
fn run_with(home: &Home, behaviour: &str) -> Child {
    let engine = Path::new(PYRO).parent().unwrap().join("examples/hostile_engine");
    assert!(engine.exists(), "cargo builds the examples with the tests");
    let directory: PathBuf = home.path().join(behaviour);
    std::fs::create_dir(&directory).unwrap();
    std::os::unix::fs::symlink(engine, directory.join("qemu-system-x86_64")).unwrap();
    let mut command = home.run_command(&["--ttl-seconds", "60"], &["true"]);
    command
        .env("PATH", format!("{}:/usr/bin:/bin:/usr/sbin:/sbin", directory.display()))
        .env_remove("PYRO_QEMU");
    command.stdout(Stdio::null()).spawn().unwrap()
}

fn ends_with(behaviour: &str, words: &str) {
    let home = Home::tcg();
    let output = run_with(&home, behaviour).wait_with_output().unwrap();
    let told = stderr(&output);
    assert_eq!(output.status.code(), Some(125), "{told}");
    assert!(told.contains(words) && told.contains("hint:"), "{behaviour}: {told}");
    assert!(!told.contains('\x1b'), "{told:?}");
}

#[test]
fn garbage_instead_of_a_greeting() {
    ends_with("garbage", "outside 1 to 1048576");
}

#[test]
fn a_frame_longer_than_any() {
    ends_with("oversized", "frame of 2147483647 bytes");
}

#[test]
fn frames_without_end_instead_of_a_greeting() {
    ends_with("endless", "frame of 0 bytes");
}

#[test]
fn garbage_instead_of_a_session() {
    ends_with("breaks", "the guest");
}

#[test]
fn a_flood_of_frames_costs_bounded_memory() {
    let home = Home::tcg();
    let mut child = run_with(&home, "floods");
    let until = Instant::now() + Duration::from_secs(10);
    let mut ended = None;
    while ended.is_none() && Instant::now() < until {
        for (pid, line) in home.processes() {
            let resident = resident_kib(pid);
            assert!(
                resident < 64 << 10 || !line.contains("pyro"),
                "{resident} KiB resident in {line}"
            );
        }
        ended = child.try_wait().unwrap();
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    home.assert_clean();
}

#[test]
fn a_noisy_console_costs_bounded_memory_and_no_disk() {
    let home = Home::tcg();
    let mut child = run_with(&home, "noisy");
    let supervisor = home.process("supervise");
    home.process("noisy");
    let until = Instant::now() + Duration::from_secs(2);
    while Instant::now() < until {
        assert!(resident_kib(supervisor) < 64 << 10);
        std::thread::sleep(Duration::from_millis(50));
    }
    let size = |path: &Path| path.metadata().map_or(0, |meta| meta.len());
    let vms = std::fs::read_dir(home.data_dir().join("vms")).unwrap().flatten();
    let written: u64 = vms
        .flat_map(|vm| std::fs::read_dir(vm.path()).unwrap().flatten())
        .map(|file| size(&file.path()))
        .sum();
    assert!(written < 4 << 20, "{written} bytes");
    child.kill().unwrap();
    child.wait().unwrap();
    eventually("a clean home", || home.leftovers().is_empty().then_some(()));
}
