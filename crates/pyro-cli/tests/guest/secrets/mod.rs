//! Secrets: processes get them, and nobody else sees them.

mod canary;
mod services;

use crate::home::{ENVIRONMENT, Home, stdout};
use crate::mcp::client::Client;
use crate::workspace::{done, exec, said};
use crate::{on_each_engine, on_the_host};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Output;

on_each_engine!(values_of_every_kind_are_kept_out, a_model_uses_a_secret_that_it_cannot_see);
on_the_host!(a_workspace_on_the_host_has_none);

/// `pyro workspace create --json` with these flags.
fn create(home: &Home, flags: &[&str], variables: &[(&str, &str)]) -> Output {
    let all = ["workspace", "create", ENVIRONMENT, "--json", "--mem-mib", "512"];
    let mut command = home.pyro(&[&all, home.allowed(), flags].concat());
    command.envs(variables.iter().copied()).output().unwrap()
}

/// What a line prints that is given these secrets.
fn with(home: &Home, id: &str, secrets: &[&str], line: &str) -> Value {
    let flags = secrets.iter().flat_map(|secret| ["--secret-env", secret]);
    let flags: Vec<&str> = [id].into_iter().chain(flags).chain(["--", line]).collect();
    done(home, "exec", &flags)
}

fn values_of_every_kind_are_kept_out(home: &Home) {
    let outside = tempfile::tempdir().unwrap();
    let file = outside.path().join("key");
    let line = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\n";
    let long: String = (0..2000).map(|at| format!("{at:04}{line}")).collect();
    std::fs::write(&file, &long[..65_536]).unwrap();
    let file = format!("LONG={}", file.display());
    let flags = ["--secret", "WORD=production", "--secret", "MORE=production-key"];
    let more = ["--secret-file", &file, "--secret-from-env", "OWN=HOST_OWN"];
    let output =
        create(home, &[&flags[..], &more].concat(), &[("HOST_OWN", "v=a l\u{fc}e/+\"quoted\"")]);
    let workspace = said(&output);
    assert!(output.status.success(), "{workspace}");
    let named = |name, kind| json!({ "name": name, "source_kind": kind });
    let secrets = [
        named("WORD", "literal"),
        named("MORE", "literal"),
        named("LONG", "file"),
        named("OWN", "variable"),
    ];
    assert_eq!(workspace["secrets"], json!(secrets));
    let id = workspace["workspace_id"].as_str().unwrap();
    for (line, printed) in [
        ("printf %s \"$LONG\" | wc -c", "65536\n"),
        ("printf %s \"$LONG\"", "[REDACTED]"),
        ("echo $LONG", "[REDACTED]\n"),
        (
            "echo \"$OWN\"; echo $WORD-key; echo $WORD-kex",
            "[REDACTED]\n[REDACTED]\n[REDACTED]-kex\n",
        ),
        ("printf '%s' \"${OWN%????}\"; echo \"${OWN#${OWN%????}}\"", "[REDACTED]\n"),
        ("printf %s \"$LONG\" | base64 | wc -l", "1150\n"),
        ("printf %s \"$OWN\" | od -An -v -tx1 | tr -d '\\n' | tr ' ' %", "[REDACTED]"),
    ] {
        let run = with(home, id, &["LONG", "OWN", "WORD"], line);
        assert_eq!(run["stdout"], printed, "{line}: {run}");
    }
    let encoded = with(home, id, &["LONG"], "printf %s \"$LONG\" | base64");
    let encoded = encoded["stdout"].as_str().unwrap();
    assert!(encoded.starts_with("[REDACTED]") && encoded.len() < 20, "{encoded:?}");
    // Also where nobody gave it to the command.
    assert_eq!(exec(home, id, "echo ${OWN-none} production-key"), "none [REDACTED]\n");
    let last = &done(home, "status", &[id])["last_command"]["command"];
    assert_eq!(last, "echo ${OWN-none} [REDACTED]");
    assert_eq!(with(home, id, &["OWN=WORD", "WORD"], "printf %s $WORD | wc -c")["stdout"], "10\n");
    for (secret, message) in [("NONE", "it has WORD, MORE, LONG, OWN"), ("A-B", "no name")] {
        let flags = ["workspace", "exec", "--json", id, "--secret-env", secret, "--", "true"];
        let refused = said(&home.pyro(&flags).output().unwrap());
        assert_eq!(refused["kind"], "invalid_input", "{refused}");
        assert!(refused.to_string().contains(message), "{refused}");
    }
    files_on_request(home, id, outside.path(), &long[..65_536]);
    done(home, "delete", &[id]);
    for (flag, value) in [
        ("--secret", "ghp_forgotten"),
        ("--secret", "A=abc"),
        ("--secret", "A="),
        ("--secret-from-env", "A=NOT_SET_AT_ALL"),
        ("--secret-file", "A=/nowhere/at/all"),
    ] {
        let refused = create(home, &[flag, value], &[]);
        let told = stdout(&refused);
        assert!(!refused.status.success() && !told.contains("ghp_"), "{told}");
        assert!(said(&refused)["hint"].is_string(), "{told}");
    }
    home.assert_clean();
}

/// Files are shown as they are, unless somebody asks for less.
fn files_on_request(home: &Home, id: &str, outside: &Path, long: &str) {
    let line = "cd /workspace; printf 'key: %s\\n' \"$OWN\" > f; printf 'a%s' \"$LONG\" > long";
    with(home, id, &["OWN", "LONG"], line);
    let own = "v=a l\u{fc}e/+\"quoted\"";
    let read = |flags: &[&str]| {
        let read = crate::workspace_files::ok(home, &[&["file", "read", id], flags].concat());
        (read["content"].as_str().unwrap().to_owned(), read["bytes_read"].as_u64().unwrap())
    };
    assert_eq!(read(&["f"]).0, format!("key: {own}\n"));
    assert_eq!(read(&["f", "--redact"]), ("key: [REDACTED]\n".to_owned(), 6 + own.len() as u64));
    for (offset, content) in [("0", "a[REDACTED]"), ("1000", "[REDACTED]"), ("65537", "")] {
        let flags = ["long", "--redact", "--offset", offset, "--max-bytes", "100"];
        assert_eq!(read(&flags).0, content, "{offset}");
    }
    crate::snapshot::did(home, "create", &[id, "now-closed"]);
    for to in ["now", "now-closed"] {
        let diff = done(home, "diff", &[id, "--to", to, "--redact"]);
        let patch = diff["patch"].as_str().unwrap();
        assert!(
            patch.contains("\n+key: [REDACTED]\n") && patch.contains("\n+a[REDACTED]\n"),
            "{patch}"
        );
        assert!(!diff.to_string().contains("MIIEvQ"), "{to}");
    }
    let export = |format: &str, name: &str| {
        let output = outside.join(name);
        let flags = ["/workspace", "--output", output.to_str().unwrap(), "--format", format];
        done(home, "export", &[&[id], &flags[..], &["--redact"]].concat());
        output
    };
    let exported = export("dir", "tree");
    let held = |name: &str| std::fs::read_to_string(exported.join(name)).unwrap();
    assert_eq!(held("f"), format!("key: {}\n", "*".repeat(own.len())));
    assert_eq!(held("long"), format!("a{}", "*".repeat(long.len())));
    for (format, mark) in [("tar", "a****"), ("patch", "key: [REDACTED]")] {
        let bytes = std::fs::read(export(format, format)).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.contains(mark) && !text.contains("MIIEvQ") && !text.contains(own), "{format}");
    }
}

fn a_model_uses_a_secret_that_it_cannot_see(home: &Home) {
    let outside = tempfile::tempdir().unwrap();
    let file = outside.path().join("token");
    std::fs::write(&file, "from-the-file\n").unwrap();
    let mut client = Client::connected(home, &["--allow-path", outside.path().to_str().unwrap()]);
    let ask = |secrets: Value, policy: &str| {
        json!({
            "environment": ENVIRONMENT, "mem_mib": 512, "secrets": secrets, "network_policy": policy
        })
    };
    for (secrets, policy) in [
        (json!([{ "name": "A", "value": "s3cret-value", "file_path": file }]), "off"),
        (json!([{ "name": "A", "file_path": "/etc/hostname" }]), "off"),
        (json!([{ "name": "A", "value": 31415926 }]), "off"),
        (json!("s3cret-value"), "off"),
        (json!([]), "egress"),
    ] {
        let refused = client.refused("workspace_create", ask(secrets, policy));
        let told = refused.to_string();
        assert!(refused["hint"].is_string(), "{told}");
        assert!(!told.contains("s3cret") && !told.contains("31415926"), "{told}");
    }
    let secrets = json!([
        { "name": "A", "value": "s3cret-value" },
        { "name": "B", "file_path": file },
    ]);
    let workspace = client.done("workspace_create", ask(secrets, "off"));
    let id = &workspace["workspace_id"];
    let line = "echo \"$A|$TOKEN\" | tee /workspace/said";
    let arguments = json!({
        "workspace_id": id, "command": line, "secret_env": { "A": "A", "B": "TOKEN" }
    });
    let run = client.done("workspace_exec", arguments);
    // A file is taken as it is, with the newline at its end.
    assert_eq!(run["stdout"], "[REDACTED]|[REDACTED]\n\n");
    let open = json!({ "workspace_id": id, "secret_env": { "A": "A" }, "cols": 20 });
    let shell = client.done("shell_open", open)["shell_id"].clone();
    let on = |more: Value| {
        let mut arguments = json!({ "workspace_id": id, "shell_id": shell });
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        arguments
    };
    client.done("shell_write", on(json!({ "input": "echo 0123456789 $A; cat said; echo en''d" })));
    for view in [json!({}), json!({ "plain": true }), json!({ "screen": true })] {
        let output = crate::home::eventually("the end", || {
            let read = client.done("shell_read", on(view.clone()));
            let output = read["output"].as_str().unwrap().to_owned();
            output
                .contains("end\n")
                .then(|| output.clone())
                .or_else(|| output.contains("end\r\n").then_some(output))
        });
        assert!(output.contains("[REDACTED]") && !output.contains("s3cret"), "{output:?}");
    }
    let start = json!({
        "workspace_id": id, "service_name": "one", "command": "echo $A; false",
        "secret_env": { "A": "A" }, "ready_file": "never"
    });
    let started = client.done("service_start", start);
    assert_eq!(
        (&started["state"], &started["stdout_tail"]),
        (&json!("failed"), &json!("[REDACTED]\n"))
    );
    let logs = client.done("service_logs", json!({ "workspace_id": id, "service_name": "one" }));
    assert_eq!(logs["stdout"], "[REDACTED]\n");
    client.done("workspace_delete", json!({ "workspace_id": id }));
    drop(client);
    home.assert_clean();
}

fn a_workspace_on_the_host_has_none(home: &Home) {
    let refused = create(home, &["--secret", "A=s3cret-value"], &[]);
    let told = said(&refused);
    assert_eq!((refused.status.success(), &told["kind"]), (false, &json!("unsupported")), "{told}");
    home.assert_clean();
}
