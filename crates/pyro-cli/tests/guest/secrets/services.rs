//! A value that services are given.

use super::canary::{CANARY, assert_none};
use crate::home::{Home, eventually};
use crate::service::service;
use crate::workspace::exec;
use std::process::Output;

/// Its length, its forms on both outputs, and one that is printed in two parts.
const TALKS: &str = r#"printf %s "$TOKEN" | wc -c; echo "out $TOKEN"; echo "err $TOKEN" >&2
for before in '' x xx; do printf '%s%s' "$before" "$TOKEN" | base64 -w 0; echo; done
printf %s "$TOKEN" | od -An -v -tx1 | tr -d '\n' | tr ' ' %
printf '\n%s' "${TOKEN%?????}"; touch begun; until test -e second; do sleep 0.05; done
printf '%s end\n' "${TOKEN#"${TOKEN%?????}"}""#;

/// Print it in every way that a service has; one goes on. How much is told of it.
pub(super) fn services(home: &Home, id: &str) -> usize {
    let run = |words: &[&str]| told(home, &[&["workspace", "service"], words].concat());
    let given = ["--secret-env", "TOKEN", "--ready-interval-ms", "20"];
    let start = |name, flags: &[&str], line| {
        run(&[&["start", "--json", id, name], &given[..], flags, &["--", line]].concat())
    };
    // Whoever looks whether it is ready has the value, too.
    let ready = r#"test -e begun && test "${#TOKEN}" -gt 30 && echo "$TOKEN""#;
    let goes_on = format!("{TALKS}; exec sleep 4848");
    let started = start("stays", &["--restart", "--ready-command", ready], &goes_on);
    let mut bytes = started.stdout.len();
    assert_eq!(service(home, "status", &[id, "stays"])["state"], "running");
    exec(home, id, "touch second");
    eventually("its last line", || is_told(home, id, 1).then_some(()));
    // It ends when it is told to, since somebody follows it to its end.
    exec(home, id, "rm second");
    start("ends", &["--ready-file", "begun"], TALKS);
    exec(home, id, "touch second");
    for more in [&["--follow", "--all"][..], &["--all"], &["--json"]] {
        let logs = run(&[&["logs", id, "ends"], more].concat());
        let text = String::from_utf8_lossy(&logs.stdout);
        assert!(logs.status.success() && text.contains("[REDACTED] end"), "{text}");
        bytes += text.len() + logs.stderr.len();
    }
    // The end of what it printed is told with its failure.
    let fails = r#"echo "$TOKEN"; printf %s "$TOKEN" | base64 -w 0 >&2; exit 3"#;
    let failed = start("fails", &["--ready-file", "never"], fails);
    let text = String::from_utf8_lossy(&failed.stdout);
    assert!(text.contains("process_exited_before_ready") && text.contains("[REDACTED]"), "{text}");
    // Whoever types it where it does not belong.
    let typed = format!("echo '{CANARY}'");
    start(
        "typed",
        &["--ready-file", &format!("/{CANARY}"), "--ready-timeout-seconds", "1"],
        &typed,
    );
    let nowhere = start("nowhere", &["--cwd", &format!("/nowhere/{CANARY}")], "true");
    assert!(!nowhere.status.success());
    let listed = run(&["list", "--json", id]);
    assert!(String::from_utf8_lossy(&listed.stdout).contains("echo '[REDACTED]'"));
    bytes + listed.stdout.len()
}

/// The service that goes on has its secrets again.
pub(super) fn come_back(home: &Home, id: &str) {
    eventually("its last line once more", || is_told(home, id, 2).then_some(()));
}

/// Whether the service that goes on has said all so many times.
fn is_told(home: &Home, id: &str, times: usize) -> bool {
    let logs = told(home, &["workspace", "service", "logs", "--all", id, "stays"]);
    let text = String::from_utf8_lossy(&logs.stdout);
    let has = |what: &str| text.matches(what).count() == times;
    has("35\n") && has("out [REDACTED]\n") && has("\n[REDACTED] end\n")
}

/// What pyro says, in which the value is not.
fn told(home: &Home, words: &[&str]) -> Output {
    let output = home.pyro(words).output().unwrap();
    assert_none(&format!("the result of {}", words[2]), &output.stdout);
    assert_none(&format!("the errors of {}", words[2]), &output.stderr);
    output
}
