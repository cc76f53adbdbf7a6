//! Lifetimes, limits, and hosts that can run no guest.

use crate::home::{ENVIRONMENT, Home, stderr, stdout};
use std::time::{Duration, Instant};

#[test]
fn limits_are_told_with_the_flag_that_sets_them() {
    let home = Home::tcg();
    for (flag, value) in [
        ("--vcpu-count", "0"),
        ("--vcpu-count", "9"),
        ("--mem-mib", "255"),
        ("--mem-mib", "32769"),
        ("--ttl-seconds", "59"),
        ("--timeout-seconds", "0"),
    ] {
        let output = home.run(&[flag, value], &["true"]);
        assert_eq!(output.status.code(), Some(2), "{flag} {value}: {}", stderr(&output));
        assert!(stderr(&output).contains(flag), "{}", stderr(&output));
        let output = home.run(&[flag, value, "--json"], &["true"]);
        let error: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((&error["kind"], &error["ok"]), (&"invalid_input".into(), &false.into()));
    }
}

#[test]
fn what_cannot_be_run_says_what_to_do() {
    let home = Home::tcg();
    let unknown = home.pyro(&["run", "debain:12", "--", "true"]).output().unwrap();
    let told = stderr(&unknown);
    assert_eq!(unknown.status.code(), Some(125), "{told}");
    assert!(
        ["debian:12", "debian:12-base", "debian:12-build"].iter().all(|name| told.contains(name)),
        "{told}"
    );
    for words in [&[][..], &[""], &["  "]] {
        let output = home.run(&[], words);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains("hint: pyro run"), "{}", stderr(&output));
    }
    let undashed = home.pyro(&["run", ENVIRONMENT, "git", "--version"]).output().unwrap();
    assert!(
        stderr(&undashed).contains("put -- before the command")
            && undashed.status.code() == Some(2),
        "{}",
        stderr(&undashed)
    );
    let network = home.run(&["--network"], &["true"]);
    assert!(
        stderr(&network).contains("networking is not") && network.status.code() == Some(125),
        "{}",
        stderr(&network)
    );
}

/// A PATH without QEMU.
fn without_qemu(home: &Home, flags: &[&str]) -> std::process::Output {
    let mut command = home.run_command(flags, &["echo on the host; pwd; exit 5"]);
    command.env("PATH", home.path()).env_remove("PYRO_QEMU").output().unwrap()
}

#[test]
fn without_qemu_nothing_runs_on_the_host_unless_it_is_allowed() {
    let home = Home::tcg();
    let refused = without_qemu(&home, &[]);
    assert_eq!((refused.status.code(), stdout(&refused).as_str()), (Some(125), ""));
    let told = stderr(&refused);
    assert!(told.contains("apt-get install") && told.contains("--allow-host-compat"), "{told}");
    let allowed = without_qemu(&home, &["--allow-host-compat"]);
    assert_eq!(allowed.status.code(), Some(5), "{}", stderr(&allowed));
    assert!(stdout(&allowed).starts_with("on the host\n"));
    assert!(stderr(&allowed).contains("execution_mode=host_compat"), "{}", stderr(&allowed));
    assert_eq!(
        stderr(&allowed)
            .matches("warning: no vm can start here; commands run on this host")
            .count(),
        1
    );
    // With a guest to be had, the flag changes nothing.
    let guest = home.run(&["--allow-host-compat"], &["true"]);
    assert!(stderr(&guest).contains("execution_mode=guest_tcg"), "{}", stderr(&guest));
}

#[test]
fn a_kvm_that_cannot_be_used_is_an_error_only_when_it_was_asked_for() {
    let home = Home::tcg();
    if std::fs::File::options().read(true).write(true).open("/dev/kvm").is_ok() {
        // The probe decides here; `auto` must end in a guest that answers either way.
        let output =
            home.run_command(&[], &["echo up"]).env("PYRO_ACCEL", "auto").output().unwrap();
        assert_eq!(stdout(&output), "up\n", "{}", stderr(&output));
        return;
    }
    let output = home.run_command(&[], &["true"]).env("PYRO_ACCEL", "kvm").output().unwrap();
    assert_eq!(output.status.code(), Some(125));
    assert!(
        stderr(&output).contains("KVM cannot be used") && stderr(&output).contains("hint:"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_vm_ends_with_its_lifetime() {
    let home = Home::tcg();
    let began = Instant::now();
    let output = home.run(&["--ttl-seconds", "60", "--timeout-seconds", "600"], &["sleep 600"]);
    assert_eq!(output.status.code(), Some(125), "{}", stderr(&output));
    assert!(stderr(&output).contains("--ttl-seconds"), "{}", stderr(&output));
    assert!(began.elapsed() < Duration::from_secs(300));
}

#[test]
fn small_commands_are_quick_to_type() {
    let home = Home::tcg();
    for args in
        [&["--version"][..], &["env", "list"], &["env", "inspect", ENVIRONMENT], &["--help"]]
    {
        let output = home.pyro(args).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{args:?}: {}", stderr(&output));
        assert!(!output.stdout.is_empty());
    }
}
