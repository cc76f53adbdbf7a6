//! The official conformance suite against its fixtures on the product's HTTP stack: nothing may
//! fail.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a test starts programs"
)]

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Longest run of the suite, in seconds.
const LIMIT: &str = "300";

/// The suite; none where it is not installed, which is told, and a failure where nothing may be
/// skipped.
fn suite() -> Option<PathBuf> {
    let program =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join("checkers/npm/node_modules/.bin/conformance");
    if program.exists() {
        return Some(program);
    }
    let skip = "conformance: the MCP checkers are not installed: cargo xtask test installs them";
    assert!(std::env::var_os("PYRO_TEST_STRICT").is_none_or(|strict| strict != "1"), "{skip}");
    println!("skipped: {skip}");
    if let Some(path) = std::env::var_os("PYRO_TEST_SKIPS") {
        let file = std::fs::File::options().append(true).create(true).open(path);
        file.and_then(|mut file| writeln!(file, "{skip}")).unwrap();
    }
    None
}

/// Cargo builds the examples of a package before its tests run, beside them.
fn fixtures() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    own.parent().and_then(Path::parent).unwrap().join("examples/conformance")
}

#[test]
fn nothing_fails_in_either_revision() {
    let Some(suite) = suite() else { return };
    let mut server =
        Command::new(fixtures()).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut url = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut url).unwrap();
    let node = suite.parent().unwrap().display().to_string();
    let path = format!("{node}:{}", std::env::var("PATH").unwrap());
    for revision in ["2025-11-25", "2026-07-28"] {
        let mut command = Command::new("timeout");
        command.arg(LIMIT).arg(&suite).args([
            "server",
            "--url",
            url.trim(),
            "--requirements",
            revision,
        ]);
        let output = command.env("PATH", &path).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{revision}: {said}");
        println!(
            "{revision}: {}",
            said.lines().filter(|line| line.starts_with("Total")).collect::<String>()
        );
    }
    drop(server.stdin.take());
    assert!(server.wait().unwrap().success());
}
