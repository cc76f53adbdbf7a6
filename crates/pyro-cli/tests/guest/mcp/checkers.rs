//! Other people's clients and suites, as `cargo xtask test` installs them from PyPI and npm.

use super::http::Http;
use super::in_home;
use crate::home::{Home, PYRO, stderr, stdout};
use crate::skip::skip;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Longest run of one checker, in seconds.
const LIMIT: &str = "300";

/// Where this file lies: the checkers' scripts are beside it.
const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/guest/mcp");

/// A program of the checkers; none, with the reason told, where they are not installed.
fn checker(path: &str) -> Option<PathBuf> {
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("checkers").join(path);
    if !program.exists() {
        skip("the MCP checkers are not installed: cargo xtask test installs them");
        return None;
    }
    Some(program)
}

/// A checker that ends in time, finds the right Node and pyro's settings.
fn limited(home: &Home, program: &Path) -> Command {
    let mut command = in_home(home, "timeout");
    let bin = program.parent().unwrap().display().to_string();
    let path = std::env::var("PATH").unwrap();
    command.arg(LIMIT).arg(program).env("PATH", format!("{bin}:{path}")).current_dir(home.path());
    command.stdin(Stdio::null());
    command
}

fn assert_passed(output: &Output) {
    assert!(output.status.success(), "{}\n{}\n{}", output.status, stdout(output), stderr(output));
}

fn conform(home: &Home, url: &str, revision: &str, more: &[&str]) {
    let Some(conformance) = checker("npm/node_modules/.bin/conformance") else { return };
    let mut command = limited(home, &conformance);
    command.args(["server", "--url", url, "--requirements", revision]).args(more);
    assert_passed(&command.output().unwrap());
}

#[test]
fn the_product_conforms_as_far_as_it_has_what_is_checked() {
    let home = Home::tcg();
    let server = Http::start(&home, &[]);
    for revision in ["2025-11-25", "2026-07-28"] {
        let expected = format!("{SCRIPTS}/expected-failures-{revision}.yml");
        conform(&home, &server.url, revision, &["--expected-failures", &expected]);
    }
    server.stop();
}

#[test]
fn the_inspector_finds_nothing_and_runs_a_command() {
    let Some(inspector) = checker("npm/node_modules/.bin/mcp-inspector") else { return };
    let home = Home::tcg();
    let server = Http::start(&home, &[]);
    // It hands no variables on but those it is told to.
    let settings = home.pyro(&[]);
    let settings =
        settings.get_envs().filter_map(|(name, value)| Some((name.to_str()?, value?.to_str()?)));
    let settings: Vec<String> = settings.map(|(name, value)| format!("{name}={value}")).collect();
    let settings: Vec<&str> = settings.iter().flat_map(|setting| ["-e", setting]).collect();
    for era in ["legacy", "auto", "modern"] {
        for target in [&[PYRO, "mcp", "serve"][..], &[&server.url]] {
            let inspect = |args: &[&str]| {
                let mut command = limited(&home, &inspector);
                command
                    .arg("--cli")
                    .args(target)
                    .args(&settings)
                    .args(["--format", "json", "-q", "--protocol-era", era])
                    .args(args);
                let output = command.output().unwrap();
                assert_passed(&output);
                output
            };
            let listed = inspect(&["--method", "tools/list", "--strict"]);
            assert!(
                stdout(&listed).contains("vm_run") && !stderr(&listed).contains("Warning"),
                "{}",
                stderr(&listed)
            );
            let arguments = r#"{"environment":"debian:12","command":"git --version"}"#;
            let args =
                ["--method", "tools/call", "--tool-name", "vm_run", "--tool-args-json", arguments];
            assert!(stdout(&inspect(&args)).contains("git version 2."));
        }
    }
    server.stop();
}

fn python(home: &Home, script: &str, args: &[&str]) -> Option<Output> {
    let python = checker("venv/bin/python")?;
    let output =
        limited(home, &python).arg(format!("{SCRIPTS}/{script}")).args(args).output().unwrap();
    assert_passed(&output);
    println!("{}", stdout(&output));
    Some(output)
}

#[test]
fn the_python_client_is_served_on_stdio() {
    let home = Home::tcg();
    python(&home, "client.py", &[PYRO]);
}

#[test]
fn the_python_client_works_in_workspaces() {
    let home = Home::tcg();
    python(&home, "workspace.py", &[PYRO, &home.mode()]);
}

#[test]
fn the_python_client_is_served_over_http() {
    let home = Home::tcg();
    let token = home.path().join("token");
    std::fs::write(&token, "a-secret-of-tests").unwrap();
    Command::new("chmod").arg("600").arg(&token).status().unwrap();
    let server =
        Http::start(&home, &["--token-file", token.to_str().unwrap(), "--concurrency", "6"]);
    python(&home, "client.py", &[PYRO, &server.url, "a-secret-of-tests"]);
    server.stop();
}

#[test]
fn every_hosts_file_makes_a_client_connect() {
    let home = Home::tcg();
    let project = home.path().join("project");
    std::fs::create_dir(&project).unwrap();
    let mut files = Vec::new();
    for host in [
        "claude-code",
        "claude-desktop",
        "codex",
        "cursor",
        "opencode",
        "gemini",
        "vscode",
        "zed",
        "goose",
    ] {
        let configure = || {
            let mut command = home.pyro(&["mcp", "config", host, "--write", "--profile", "vm-run"]);
            command.env_remove("XDG_CONFIG_HOME").current_dir(&project).output().unwrap()
        };
        let output = configure();
        assert_passed(&output);
        let file = stderr(&output).trim().rsplit(' ').next().unwrap().to_owned();
        assert!(Path::new(&file).starts_with(home.path()), "{file}");
        let before = std::fs::read(&file).unwrap();
        assert!(stderr(&configure()).contains("already"));
        assert_eq!(std::fs::read(&file).unwrap(), before);
        files.push(format!("{host}={file}"));
    }
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let Some(python) = checker("venv/bin/python") else { return };
    let connected = limited(&home, &python)
        .arg(format!("{SCRIPTS}/hosts.py"))
        .args(files)
        .env("PYRO", PYRO)
        .output();
    assert_passed(&connected.unwrap());
    let Some(fastmcp) = checker("venv/bin/fastmcp") else { return };
    let mut command = limited(&home, &fastmcp);
    let discovered = command
        .args(["discover", "--json"])
        .env_remove("XDG_CONFIG_HOME")
        .current_dir(&project)
        .output()
        .unwrap();
    assert_passed(&discovered);
    for source in ["claude-desktop", "gemini", "goose"] {
        assert!(stdout(&discovered).contains(source), "{source}: {}", stdout(&discovered));
    }
}
