//! The command line is what `contract.toml` says: same commands, same flags, same defaults, bounds
//! that hold.
#![allow(clippy::disallowed_methods, reason = "a test starts the executable under test")]

use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::process::{Command, Output};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Contract {
    operation: Vec<Operation>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Operation {
    id: String,
    cli: Option<String>,
    mcp: Option<String>,
    python: Option<String>,
    profiles: BTreeSet<String>,
    built: BTreeSet<String>,
    /// The reference does not have it.
    #[serde(default)]
    ours: bool,
    #[serde(default)]
    positionals: Vec<String>,
    #[serde(default)]
    flags: Vec<ContractFlag>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ContractFlag {
    name: String,
    /// It is followed by a value.
    #[serde(default)]
    value: bool,
    default: Option<String>,
    min: Option<i64>,
    max: Option<i64>,
    /// The reference does not have it.
    #[serde(default, rename = "ours")]
    _ours: bool,
}

/// What the hidden command `pyro surface` prints: clap's tree, without hidden commands, `--help`
/// and `--version`.
#[derive(Deserialize)]
struct Surface {
    commands: Vec<SurfaceCommand>,
}

#[derive(Deserialize, Debug, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
struct SurfaceCommand {
    path: Vec<String>,
    flags: Vec<SurfaceFlag>,
    positionals: Vec<String>,
}

#[derive(Deserialize, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[serde(deny_unknown_fields)]
struct SurfaceFlag {
    name: String,
    value: bool,
    default: Option<String>,
}

fn contract() -> Vec<Operation> {
    let contract: Contract =
        toml::from_str(include_str!("../../../contract.toml")).expect("contract.toml is read");
    contract.operation
}

/// Operations whose command is built, by the command.
fn built_commands() -> BTreeMap<String, Operation> {
    let built = contract().into_iter().filter(|row| row.built.contains("cli"));
    built
        .map(|row| (row.cli.clone().unwrap_or_else(|| panic!("{} has no command", row.id)), row))
        .collect()
}

/// Run pyro where it can neither find nor reach anything.
fn pyro(args: &[&str]) -> Output {
    pyro_with(args, |_| {})
}

/// As [`pyro`], with a command that `change` has changed.
fn pyro_with(args: &[&str], change: impl FnOnce(&mut Command)) -> Output {
    let home = tempfile::tempdir().expect("a home");
    let mut command = Command::new(env!("CARGO_BIN_EXE_pyro"));
    command.args(args).env("HOME", home.path()).env("PYRO_MIRROR", "http://127.0.0.1:9/");
    for name in [
        "PYRO_DATA_DIR",
        "PYRO_RUNTIME_DIR",
        "PYRO_ENVIRONMENT_CACHE_DIR",
        "XDG_DATA_HOME",
        "XDG_CACHE_HOME",
        "XDG_RUNTIME_DIR",
    ] {
        command.env_remove(name);
    }
    // Piped where nothing else is said.
    change(&mut command);
    command.output().expect("pyro starts")
}

#[test]
fn the_contract_names_each_thing_once() {
    let rows = contract();
    for (what, name) in [
        ("id", (|row| Some(&row.id)) as fn(&Operation) -> Option<&String>),
        ("command", |row| row.cli.as_ref()),
        ("tool", |row| row.mcp.as_ref()),
        ("method", |row| row.python.as_ref()),
    ] {
        let mut seen = BTreeSet::new();
        for name in rows.iter().filter_map(name) {
            assert!(seen.insert(name), "{what} {name} stands twice");
        }
    }
    for row in &rows {
        assert_eq!(
            row.mcp.is_some(),
            !row.profiles.is_empty(),
            "{}: a tool has profiles, nothing else has",
            row.id
        );
        for surface in &row.built {
            let named = match surface.as_str() {
                "cli" => row.cli.is_some(),
                "mcp" => row.mcp.is_some(),
                "python" => row.python.is_some(),
                _ => false,
            };
            assert!(named, "{}: built on {surface}, which the row does not name", row.id);
        }
    }
}

#[test]
fn each_profile_holds_the_smaller_one() {
    let rows = contract();
    let holds = |row: &&Operation, profile: &str| row.profiles.contains(profile) && !row.ours;
    let tools =
        |profile: &str| rows.iter().filter(|row| holds(row, profile)).map(|row| &row.id).collect();
    let [run, core, full]: [BTreeSet<&String>; 3] =
        ["vm-run", "workspace-core", "workspace-full"].map(tools);
    assert_eq!((run.len(), core.len(), full.len()), (1, 16, 43));
    assert!(run.is_subset(&core) && core.is_subset(&full));
}

#[test]
fn the_command_line_is_the_contract() {
    let printed = pyro(&["surface"]);
    assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
    let surface: Surface = serde_json::from_slice(&printed.stdout).expect("the surface is JSON");
    let mut actual: BTreeMap<String, SurfaceCommand> =
        surface.commands.into_iter().map(|command| (command.path.join(" "), command)).collect();
    actual.values_mut().for_each(|command| command.flags.sort());

    let expected: BTreeMap<String, SurfaceCommand> = built_commands()
        .into_iter()
        .map(|(command, row)| {
            let path = command.split(' ').map(str::to_owned).collect();
            let mut flags: Vec<SurfaceFlag> = row
                .flags
                .into_iter()
                .map(|flag| SurfaceFlag {
                    name: flag.name,
                    value: flag.value,
                    default: flag.default,
                })
                .collect();
            flags.sort();
            (command, SurfaceCommand { path, flags, positionals: row.positionals })
        })
        .collect();
    assert_eq!(actual.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "commands");
    for (command, expected) in &expected {
        assert_eq!(&actual[command], expected, "pyro {command}");
    }
}

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
fn a_leading_tilde_of_a_host_path_is_the_home() {
    let id = "0123456789ab";
    for args in [
        &["workspace", "create", "debian:12", "--seed-path=~/nothing"][..],
        &["workspace", "patch", "apply", id, "--patch-file=~/nothing"],
        &["workspace", "file", "write", id, "a", "--text-file=~/nothing"],
    ] {
        let out = pyro(args);
        let said = String::from_utf8_lossy(&out.stderr);
        assert!(said.contains("/nothing") && !said.contains('~'), "pyro {args:?}: {said}");
    }
}

#[test]
fn doctor_answers_whatever_the_settings_are() {
    for (name, value) in
        [("HOME", None), ("PYRO_ACCEL", Some("foo")), ("PYRO_DATA_DIR", Some("relative"))]
    {
        let json = pyro_with(&["doctor", "--json"], |command| {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        });
        let report: serde_json::Value = serde_json::from_slice(&json.stdout).expect("a report");
        assert_eq!(
            (json.status.code(), &report["runtime_ok"]),
            (Some(1), &false.into()),
            "{name}: {report:#}"
        );
        let checks = report["checks"].as_array().expect("checks");
        assert_eq!(
            (&checks[0]["name"], &checks[0]["health"]),
            (&"settings".into(), &"failed".into()),
            "{report:#}"
        );
        assert!(
            checks[0]["detail"].as_str().is_some_and(|detail| detail.contains(name)),
            "{report:#}"
        );
        assert!(
            checks.len() > 5
                && report["issues"][0].as_str().is_some_and(|issue| issue.contains(name))
        );
        assert!(report["runtime"]["component_versions"]["pyro"].is_string(), "{report:#}");
    }
    let words = pyro_with(&["doctor"], |command| {
        command.env("PYRO_ACCEL", "foo");
    });
    let told = String::from_utf8_lossy(&words.stdout).into_owned();
    for line in [
        "Platform: linux-x86_64\nRuntime: FAIL\nKVM: exists=",
        "\nIssues:\n- settings: ",
        "\nFAIL settings: ",
    ] {
        assert!(told.contains(line), "{told}");
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

#[test]
fn the_catalog_is_told_as_the_reference_tells_it() {
    let listed: serde_json::Value =
        serde_json::from_slice(&pyro(&["env", "list", "--json"]).stdout).expect("the list is JSON");
    let version = listed["catalog_version"].as_str().expect("a version");
    let words = String::from_utf8_lossy(&pyro(&["env", "list"]).stdout).into_owned();
    assert!(
        words.starts_with(&format!("Catalog version: {version}\ndebian:12 [not installed] ")),
        "{words}"
    );
    let shown =
        String::from_utf8_lossy(&pyro(&["env", "inspect", "debian:12"]).stdout).into_owned();
    assert!(shown.starts_with("Environment: debian:12\nVersion: "), "{shown}");
    assert!(shown.contains("\nInstalled: no\n") && !shown.contains("Install dir:"), "{shown}");
    let pruned = String::from_utf8_lossy(&pyro(&["env", "prune"]).stdout).into_owned();
    assert_eq!(pruned, "Deleted 0 cached environment entries.\n");
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
fn help_of_each_command_is_told_and_names_nothing_internal() {
    for args in [&["help"][..], &["help", "run"], &["help", "workspace", "create"]] {
        let out = pyro(args);
        assert!(out.status.success() && !out.stdout.is_empty(), "pyro {args:?}");
    }
    let help = String::from_utf8_lossy(&pyro(&["--help"]).stdout).into_owned();
    assert!(help.contains("completions") && help.contains("  man "), "{help}");
    let scripts = ["bash", "zsh", "fish"].map(|shell| pyro(&["completions", shell]).stdout);
    for text in scripts.iter().map(|script| String::from_utf8_lossy(script)).chain([help.into()]) {
        assert!(
            text.contains("workspace")
                && !["surface", "supervise", "bench-page"].iter().any(|word| text.contains(word))
        );
    }
}

#[test]
fn man_pages_are_written_to_a_directory_that_is_made() {
    let home = tempfile::tempdir().expect("a home");
    let directory = home.path().join("share/man/man1");
    let out = pyro(&["man", directory.to_str().expect("text")]);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    assert!(directory.join("pyro-run.1").exists() && !directory.join("pyro-supervise.1").exists());
}

#[test]
fn doctor_has_every_field_of_the_contract() {
    let report: serde_json::Value =
        serde_json::from_slice(&pyro(&["doctor", "--json"]).stdout).expect("a report");
    for field in [
        "bundle_root",
        "manifest_path",
        "firecracker_bin",
        "jailer_bin",
        "guest_agent_path",
        "guest_init_path",
        "artifacts_dir",
        "artifacts_present",
        "notice_path",
    ] {
        assert_eq!(report["runtime"].get(field), Some(&serde_json::Value::Null), "{field}");
    }
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
