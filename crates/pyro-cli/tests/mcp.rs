//! `pyro mcp` without a guest: what the executable grants by itself, whom it serves, and what it
//! prints for hosts.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test starts the executable under test"
)]

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

/// `pyro mcp` with these arguments, in a home, run in a directory.
fn pyro(home: &Path, directory: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pyro"));
    command
        .arg("mcp")
        .args(args)
        .current_dir(directory)
        .env("HOME", home)
        .env("PYRO_DATA_DIR", home.join("data"));
    command
        .env_remove("XDG_CONFIG_HOME")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// The refusal that an export to this path meets in a server which was started in a directory.
fn refusal(home: &Path, directory: &Path, flags: &[&str], output: &Path) -> Value {
    let mut server = pyro(home, directory, &[&["serve"], flags].concat());
    let mut server = server.stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut stdin = server.stdin.take().unwrap();
    let about = json!({ "name": "test", "version": "1" });
    let begin = json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": about });
    let arguments = json!({ "workspace_id": "0123456789ab", "path": "a", "output_path": output });
    for message in [
        json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": begin }),
        json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }),
        json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/call",
            "params": { "name": "workspace_export", "arguments": arguments } }),
    ] {
        writeln!(stdin, "{message}").unwrap();
    }
    let lines = BufReader::new(server.stdout.take().unwrap()).lines();
    let mut messages = lines.map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
    let answer = messages.find(|message| message["id"] == 2).expect("an answer");
    drop(stdin);
    assert!(server.wait().unwrap().success());
    serde_json::from_str(answer["result"]["content"][0]["text"].as_str().unwrap()).unwrap()
}

#[test]
fn only_a_project_is_granted_by_being_worked_in() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path().canonicalize().unwrap();
    let project = home.join("project");
    std::fs::create_dir(&project).unwrap();
    let output = project.join("out");
    for directory in [Path::new("/"), home.parent().unwrap(), &home] {
        let told = refusal(&home, directory, &[], &output);
        assert_eq!(told["kind"], "denied", "{}: {told}", directory.display());
        assert!(told["hint"].as_str().unwrap().contains("--allow-path"), "{told}");
        let flags = ["--allow-path", project.to_str().unwrap()];
        assert_eq!(
            refusal(&home, directory, &flags, &output)["kind"],
            "not_found",
            "{}",
            directory.display()
        );
    }
    assert_eq!(refusal(&home, &project, &[], &output)["kind"], "not_found");
    assert_eq!(refusal(&home, &project, &[], &home.join("out"))["kind"], "denied");
    // Who wants all of it says so.
    let flags = ["--allow-path", home.to_str().unwrap()];
    assert_eq!(refusal(&home, &project, &flags, &home.join("out"))["kind"], "not_found");
}

#[test]
fn others_are_not_served_without_a_token() {
    let home = tempfile::tempdir().unwrap();
    for address in ["0.0.0.0:0", "[::]:0"] {
        let flags = ["serve", "--transport", "http", "--listen", address];
        let output = pyro(home.path(), home.path(), &flags).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.contains("there is no token") && told.contains("--token-file"), "{told}");
    }
}

#[test]
fn what_a_host_needs_is_printed_and_nothing_written() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path().canonicalize().unwrap();
    let project = home.join("project");
    std::fs::create_dir(&project).unwrap();
    let args = |host: &str, directory: &Path| {
        let output = pyro(&home, directory, &["config", host]).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success() && told.contains("--write"), "{told}");
        let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
        let server = &printed["mcpServers"]["pyro"];
        // A file of the project is for other machines too.
        let own = if host == "claude-code" { "pyro" } else { env!("CARGO_BIN_EXE_pyro") };
        assert_eq!(server["command"], own);
        (server["args"].clone(), told.contains("no host path is granted"))
    };
    let plain = json!(["mcp", "serve", "--profile", "workspace-core"]);
    let granted = json!(["mcp", "serve", "--profile", "workspace-core", "--allow-path", project]);
    for (host, directory, expected) in [
        ("claude-code", &project, (plain.clone(), false)),
        ("claude-desktop", &project, (granted.clone(), false)),
        ("cursor", &project, (granted, false)),
        ("claude-desktop", &home, (plain, true)),
    ] {
        assert_eq!(args(host, directory), expected, "{host} in {}", directory.display());
    }
    let left: Vec<_> =
        std::fs::read_dir(&home).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["project"], "nothing is written");
}

#[test]
fn a_projects_file_can_be_shared() {
    use std::os::unix::fs::PermissionsExt;
    let home = tempfile::tempdir().unwrap();
    for (host, file) in [("claude-code", ".mcp.json"), ("vscode", ".vscode/mcp.json")] {
        let project = home.path().join(host);
        std::fs::create_dir(&project).unwrap();
        let mut command = pyro(home.path(), &project, &["config", host, "--write"]);
        let output = command.env("PATH", "/usr/bin").output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(
            output.status.success() && told.contains("warning: no pyro is on your PATH"),
            "{told}"
        );
        let file = project.join(file);
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(!text.contains("\"/") && text.contains("workspace-core"), "{text}");
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o644);
        let directory = file.parent().unwrap();
        assert_eq!(
            std::fs::metadata(directory).unwrap().permissions().mode() & 0o555,
            0o555,
            "{}",
            directory.display()
        );
    }
    // A user's own file is this user's.
    let output = pyro(home.path(), home.path(), &["config", "gemini", "--write"]).output().unwrap();
    assert!(output.status.success());
    let file = home.path().join(".gemini/settings.json");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(std::fs::read_to_string(&file).unwrap().contains(env!("CARGO_BIN_EXE_pyro")));
}
