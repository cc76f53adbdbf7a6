//! The command line is what `contract.toml` says: same commands, same flags, same defaults, bounds
//! that hold.
#![allow(clippy::disallowed_methods, reason = "a test starts the executable under test")]

mod doctor;
mod refusals;

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
        toml::from_str(include_str!("../../../../contract.toml")).expect("contract.toml is read");
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
                && !["surface", "supervise", "bench-page", "read-disk"]
                    .iter()
                    .any(|word| text.contains(word))
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
