//! What pyro refuses: the status, the words and the hint.

use crate::{built_commands, pyro, pyro_with};
use serde::Deserialize;

#[test]
fn a_value_outside_its_bounds_is_a_usage_error_that_names_the_flag() {
    for (command, row) in built_commands() {
        for flag in &row.flags {
            let outside = [flag.min.map(|min| min - 1), flag.max.map(|max| max + 1)];
            for value in outside.into_iter().flatten() {
                let setting = format!("{}={value}", flag.name);
                let mut args: Vec<&str> = command.split(' ').collect();
                args.push(&setting);
                for positional in &row.positionals {
                    args.extend(if positional == "COMMAND" {
                        &["--", "true"][..]
                    } else {
                        &["debian:12"]
                    });
                }
                let out = pyro(&args);
                let said = String::from_utf8_lossy(&out.stderr);
                assert_eq!(out.status.code(), Some(2), "pyro {args:?}: {said}");
                assert!(said.contains(&flag.name), "pyro {args:?}: {said}");
                if row.flags.iter().any(|flag| flag.name == "--json") {
                    args.insert(command.split(' ').count(), "--json");
                    told_as_json(&args, &flag.name);
                }
            }
        }
    }
}

#[test]
fn a_number_out_of_bounds_is_told_the_bounds() {
    let id = "0123456789ab";
    let run = |flag, value| vec!["run", "debian:12", flag, value, "--", "true"];
    let create = |flag, value| vec!["workspace", "create", "debian:12", flag, value];
    for (args, bounds) in [
        (run("--vcpu-count", "-1"), "vcpu_count is -1; it must be between 1 and 8"),
        (create("--vcpu-count", "9"), "vcpu_count is 9; it must be between 1 and 8"),
        (
            run("--mem-mib", "99999999999"),
            "mem_mib is 99999999999; it must be between 256 and 32768 MiB",
        ),
        (create("--mem-mib", "-5"), "mem_mib is -5; it must be between 256 and 32768 MiB"),
        (create("--ttl-seconds", "-1"), "ttl_seconds is -1; it must be 0 or at least 60"),
        (run("--timeout-seconds", "-1"), "timeout_seconds is -1; it must be at least 1"),
        (
            vec!["workspace", "update", id, "--ttl-seconds", "59"],
            "ttl_seconds is 59; it must be 0 or at least 60",
        ),
        (
            vec!["workspace", "file", "read", id, "a", "--offset", "-1"],
            "it must be a whole number, 0 or more",
        ),
        (
            vec!["workspace", "logs", id, "--limit", "-1"],
            "it must be a whole number between 1 and 1000",
        ),
        (run("--mem-mib", "2g"), "it must be a whole number"),
        (vec!["output", "read", "x", "--offset", "-1"], "it must be a whole number, 0 or more"),
        (
            vec!["demo", "ollama", "--timeout-seconds", "-1"],
            "it must be a whole number between 1 and 86400",
        ),
    ] {
        let out = pyro(&args);
        let said = String::from_utf8_lossy(&out.stderr);
        assert!(out.status.code() == Some(2) && said.contains(bounds), "pyro {args:?}: {said}");
    }
}

#[test]
fn an_output_that_cannot_be_written_is_a_failure_of_pyros_own() {
    let id = "0123456789ab";
    for (args, status) in [
        (&["run", "debian:12", "--json", "--timeout-seconds", "0", "--", "true"][..], 125),
        (&["workspace", "exec", id, "--json", "--", "true"], 125),
        (&["workspace", "status", id, "--json"], 1),
    ] {
        let full = std::fs::File::options().write(true).open("/dev/full").expect("/dev/full");
        let out = pyro_with(args, |command| {
            command.stdout(full);
        });
        assert_eq!(
            out.status.code(),
            Some(status),
            "pyro {args:?}: {}",
            String::from_utf8_lossy(&out.stderr)
        );
    }
}

#[test]
fn a_bench_that_could_tell_nobody_does_not_begin() {
    for (args, status, told) in [
        (["bench", "--output", "/nonexist/x"], 1, "/nonexist"),
        (["bench", "--against", " "], 2, "the command to compare with is empty"),
    ] {
        let out = pyro(&args);
        let said = String::from_utf8_lossy(&out.stderr);
        assert!(
            out.status.code() == Some(status) && said.contains(told) && said.contains("hint:"),
            "{args:?}: {said}"
        );
        assert!(!said.contains("[env]") && !said.contains("[bench]"), "{said}");
    }
}

/// With `--json` a wrong value is one object on stdout that names the flag, and no words beside it.
fn told_as_json(args: &[&str], flag: &str) {
    let out = pyro(args);
    let told: Refusal = serde_json::from_slice(&out.stdout)
        .unwrap_or_else(|error| panic!("pyro {args:?}: {error}"));
    assert_eq!(
        (out.status.code(), told.kind.as_str(), told.ok),
        (Some(2), "invalid_input", false),
        "pyro {args:?}"
    );
    let parameter = flag.trim_start_matches("--").replace('-', "_");
    assert!(
        told.error.contains(flag) || told.error.contains(&parameter),
        "pyro {args:?}: {}",
        told.error
    );
    assert!(!told.hint.is_empty() && out.stderr.is_empty(), "pyro {args:?}");
}

/// A failure as `--json` tells it.
#[derive(Deserialize)]
struct Refusal {
    ok: bool,
    kind: String,
    error: String,
    hint: String,
}

#[test]
fn a_failure_leads_to_what_was_meant() {
    let id = "0123456789ab";
    let exec = "pyro workspace exec 0123456789ab -- COMMAND";
    let hyphens = "put -- before the command: pyro";
    for (args, kind, hint) in [
        (&["workspace", "exec", id][..], "invalid_input", exec),
        (&["workspace", "exec", id, "ls", "--color"], "invalid_input", hyphens),
        (
            &["workspace", "fork", id, "--count", "2", "--name", &"n".repeat(119)],
            "invalid_input",
            "choose a name of 1 to 120 characters",
        ),
        (&["task", "exec", id], "invalid_input", "pyro task exec 0123456789ab -- COMMAND"),
        (&["run", "debian:12", "--bogus"], "invalid_input", "pyro run --help"),
        (&["task", "exec", id, "ls", "-l"], "invalid_input", hyphens),
        (&["run", "debian:12", "ls", "-l"], "invalid_input", hyphens),
        (
            &["workspace", "create", "debian:12", "--name", ""],
            "invalid_input",
            "choose a name of 1 to 120 characters",
        ),
        (&["workspace", "create", "debian:12", "--label", ".=x"], "invalid_input", "use letters"),
        (
            &["workspace", "create", "debian:12", "--label", "x"],
            "invalid_input",
            "pyro workspace create --help",
        ),
        (
            &["workspace", "patch", "apply", id, "--patch-file", "/nonexist"],
            "not_found",
            "check the path",
        ),
        (
            &["workspace", "file", "write", id, "a", "--text-file", "/nonexist"],
            "not_found",
            "check the path",
        ),
        (&["workspace", "create"], "invalid_input", "pyro workspace create --help"),
        (&["run", "debian:12", "--env", "my-var=1"], "invalid_input", "give a name and a value"),
        (
            &["workspace", "sync", "push", id, ".", "--dest", "", "--delete"],
            "invalid_input",
            "give a path relative",
        ),
        (&["workspace", "exec", id, "--cwd", ""], "invalid_input", "give it absolute"),
        (&["workspace", "file", "list", id, " "], "invalid_input", "give a path relative"),
        (
            &["workspace", "export", id, "", "--output", "/nonexist"],
            "invalid_input",
            "give a path relative",
        ),
        // What begins with a hyphen is a patch, or a text, like any other.
        (
            &["workspace", "patch", "apply", id, "--patch", "--- a/x\n+++ b/x\n"],
            "invalid_input",
            "make the patch",
        ),
        (
            &["workspace", "file", "write", id, "a", "--text", "- item"],
            "not_found",
            "pyro workspace list",
        ),
    ] {
        let out = pyro(&[args, &["--json"]].concat());
        let told: Refusal =
            serde_json::from_slice(&out.stdout).unwrap_or_else(|error| panic!("{args:?}: {error}"));
        assert!(
            told.kind == kind && told.hint.starts_with(hint),
            "{args:?}: {} {}",
            told.kind,
            told.hint
        );
    }
    let words = pyro(&["run", "debian:12", "--", "cat", "--json"]);
    assert!(words.stdout.is_empty(), "what the command's own arguments are is no wish");
}

#[test]
fn one_of_two_ways_to_give_a_text_is_asked_for() {
    let out = pyro(&["workspace", "file", "write", "0123456789ab", "a"]);
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(
        out.status.code() == Some(2) && said.contains("--text <TEXT>|--text-file <PATH>"),
        "{said}"
    );
}
