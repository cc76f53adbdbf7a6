//! A result in few words: what a model reads of the structured content.
//!
//! Left out is what it said itself, what is null, and what is as it always is.

use rmcp::model::JsonObject;
use serde_json::{Map, Value};

/// Fields that say nothing while they are false, 0 or empty.
const QUIET: [&str; 33] = [
    "added",
    "added_lines",
    "allow_host_compat",
    "broken",
    "command_count",
    "delete",
    "deleted",
    "deleted_lines",
    "dry_run",
    "held_ms",
    "labels",
    "left_out",
    "left_out_count",
    "metadata",
    "modified",
    "needs_recovery",
    "network_enabled",
    "non_text",
    "patch",
    "renamed",
    "reset_count",
    "respect_ignore",
    "running_service_count",
    "secrets",
    "service_count",
    "stderr",
    "stderr_truncated",
    "stdout_truncated",
    "text_patched",
    "timed_out",
    "truncated",
    "type_changed",
    "unchanged",
];

/// Fields that say nothing while they hold this.
const USUAL: [(&str, &str); 15] = [
    ("content_encoding", "utf-8"),
    ("cwd", "/workspace"),
    ("destination", "/workspace"),
    ("encoding", "utf-8"),
    ("format", "dir"),
    ("mode", "0644"),
    ("network_policy", "off"),
    ("path", "/workspace"),
    ("reason", "explicit_delete"),
    ("reason", "post_exec_cleanup"),
    ("state", "ended"),
    ("stderr_encoding", "utf-8"),
    ("stdout_encoding", "utf-8"),
    ("text_patch", ""),
    ("workspace_path", "/workspace"),
];

/// Fields that no model goes by.
const UNTOLD: [&str; 13] = [
    "created_at",
    "environment_version",
    "guest_ip",
    "last_activity_at",
    "last_reset_at",
    "max_bytes",
    "mtime",
    "recorded_at",
    "recursive",
    "stderr_base64",
    "stdout_base64",
    "tap_name",
    "text_patch",
];

/// Arguments that a result repeats in other words.
const REPEATED: [&str; 2] = ["command", "patch"];

/// The object as a model is told it; `given` is what the call said, and what it left out and has a
/// default.
pub(crate) fn brief(value: &Value, given: &JsonObject) -> Value {
    match value {
        Value::Object(map) => Value::Object(of_object(map, given)),
        Value::Array(items) => {
            let nothing = JsonObject::new();
            items.iter().map(|item| brief(item, &nothing)).collect()
        }
        other => other.clone(),
    }
}

fn of_object(map: &JsonObject, given: &JsonObject) -> JsonObject {
    let mut told = Map::new();
    for (name, value) in map {
        if !is_left_out(map, name, value, given) {
            let value =
                if name == "entries" { entries(map, value, given) } else { brief(value, given) };
            told.insert(name.clone(), value);
        }
    }
    told
}

fn is_left_out(map: &JsonObject, name: &str, value: &Value, given: &JsonObject) -> bool {
    let is = |other: &str, wanted: &str| map.get(other).is_some_and(|value| value == wanted);
    let has = |other: &str, wanted: bool| map.get(other).is_some_and(|value| value == wanted);
    let is_usual = match name {
        // It is there to be counted.
        "count" => {
            ["entries", "snapshots", "workspaces"].iter().any(|list| map.contains_key(*list))
        }
        // Of a snapshot its name says the rest.
        "deletable" => true,
        "kind" | "workspace_id" => map.contains_key("deletable"),
        "cleanup" => value["deleted"] == true,
        "vm_id" => map.contains_key("cleanup"),
        "stdout_bytes" => !has("stdout_truncated", true),
        "stderr_bytes" => !has("stderr_truncated", true),
        "bytes_read" => has("truncated", false),
        "size_bytes" => map.get("bytes_written") == Some(value),
        // A patch that is whole says what it changes.
        "entries" | "summary" if has("patch_complete", true) => !is("patch", ""),
        "patch_complete" => value == true,
        // Where something runs is told when it is made, and where it is not a vm.
        "execution_mode" => {
            value.as_str().is_some_and(|mode| mode.starts_with("guest_"))
                && !map.contains_key("state")
        }
        "environment" => !map.contains_key("state"),
        "workspace_seed" => value["mode"] == "empty",
        _ => false,
    };
    is_usual
        || value.is_null()
        || UNTOLD.contains(&name)
        || QUIET.contains(&name) && is_nothing(value)
        || USUAL.iter().any(|(known, usual)| *known == name && value == usual)
        || is_echo(name, value, given)
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(told) => !told,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
    }
}

/// Whether it is an argument of the call.
fn is_echo(name: &str, value: &Value, given: &JsonObject) -> bool {
    if REPEATED.contains(&name) {
        return given.contains_key(name);
    }
    let same = |argument: &str| {
        given.get(argument).is_some_and(|given| given == value || is_path_of(value, given))
    };
    match name {
        "workspace_path" => same("path"),
        "destination" => same("dest"),
        _ => same(name),
    }
}

/// Whether a path of a workspace is the one that was given, which need not be absolute.
fn is_path_of(value: &Value, given: &Value) -> bool {
    let (Some(value), Some(given)) = (value.as_str(), given.as_str()) else { return false };
    value.strip_prefix("/workspace/").is_some_and(|path| path == given.trim_start_matches("./"))
}

/// Files and changes on a line each; what else there is a list of, as it is.
fn entries(map: &JsonObject, value: &Value, given: &JsonObject) -> Value {
    let Some(items) =
        value.as_array().filter(|items| items.iter().all(|item| item["path"].is_string()))
    else {
        return brief(value, given);
    };
    let root = map.get("path").and_then(Value::as_str).unwrap_or("/workspace");
    items.iter().map(|item| Value::from(entry(root, item))).collect()
}

/// `src/`, `src/main.rs 120`, `run.sh* 55`, `link -> target`, or `modified src/main.rs +1 -2`.
pub(crate) fn entry(root: &str, item: &Value) -> String {
    let text = |name: &str| item[name].as_str().unwrap_or_default();
    let path = text("path");
    let below = path
        .strip_prefix(root)
        .map(|path| path.trim_start_matches('/'))
        .filter(|path| !path.is_empty());
    let path = below.unwrap_or(path);
    if item["status"].is_string() {
        let moved = item["old_path"].as_str().map(|old| format!("{old} -> ")).unwrap_or_default();
        let lines = match (item["added_lines"].as_u64(), item["deleted_lines"].as_u64()) {
            (Some(added), Some(deleted)) if added + deleted > 0 => format!(" +{added} -{deleted}"),
            _ => String::new(),
        };
        let form = match text("patch_form") {
            "binary" => " (binary)",
            "named" => " (too large for a patch)",
            _ => "",
        };
        return format!("{} {moved}{path}{lines}{form}", text("status"));
    }
    let may_run = u32::from_str_radix(text("mode"), 8).is_ok_and(|mode| mode & 0o111 != 0);
    match text("artifact_type") {
        "directory" => format!("{path}/"),
        "symlink" => format!("{path} -> {}", text("link_target")),
        "file" => format!("{path}{} {}", if may_run { "*" } else { "" }, item["size_bytes"]),
        other => format!("{path} ({other})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(value: Value, given: Value) -> Value {
        brief(&value, given.as_object().unwrap())
    }

    #[test]
    fn a_command_that_went_well_is_told_by_its_output() {
        let mut ran = json!({
            "workspace_id": "0123456789ab", "environment": "debian:12", "environment_version": "1.0.0",
            "command": "echo a", "cwd": "/workspace", "user": null, "sequence": 3, "exit_code": 0, "duration_ms": 7,
            "stdout": "a\n", "stdout_encoding": "utf-8", "stdout_truncated": false, "stdout_bytes": 2, "stdout_file": null,
            "stderr": "", "stderr_encoding": "utf-8", "stderr_truncated": false, "stderr_bytes": 0, "stderr_file": null,
            "execution_mode": "guest_tcg", "timed_out": false, "signal": null,
        });
        let given =
            json!({ "workspace_id": "0123456789ab", "command": "echo a", "timeout_seconds": 30 });
        let expected = json!({ "exit_code": 0, "sequence": 3, "stdout": "a\n", "duration_ms": 7 });
        assert_eq!(told(ran.clone(), given.clone()), expected);
        // What is not as always is told.
        for (name, value) in [
            ("timed_out", json!(true)),
            ("signal", json!(9)),
            ("stderr", json!("oops")),
            ("stdout_encoding", json!("utf-8-replaced")),
            ("cwd", json!("/tmp")),
            ("execution_mode", json!("host_compat")),
            ("stdout_file", json!("0123456789ab-stdout")),
        ] {
            ran[name] = value.clone();
            assert_eq!(told(ran.clone(), given.clone())[name], value);
        }
        ran["stdout_truncated"] = json!(true);
        assert_eq!(told(ran, given)["stdout_bytes"], 2);
    }

    #[test]
    fn files_and_changes_take_a_line_each() {
        let listed = json!({
            "workspace_id": "0123456789ab", "path": "/workspace/src", "recursive": false, "count": 4, "next_after": null,
            "entries": [
                { "path": "/workspace/src/a b", "artifact_type": "directory", "size_bytes": 0, "link_target": null, "mode": "0755" },
                { "path": "/workspace/src/c", "artifact_type": "file", "size_bytes": 12, "link_target": null, "mode": "0644" },
                { "path": "/workspace/src/d", "artifact_type": "file", "size_bytes": 0, "link_target": null, "mode": "0755" },
                { "path": "/workspace/src/e", "artifact_type": "symlink", "size_bytes": 0, "link_target": "c", "mode": "0777" },
                { "path": "/workspace/src/f", "artifact_type": "fifo", "size_bytes": 0, "link_target": null, "mode": "0644" },
            ],
        });
        let given = json!({ "workspace_id": "0123456789ab", "path": "src" });
        assert_eq!(
            told(listed, given),
            json!({ "entries": ["a b/", "c 12", "d* 0", "e -> c", "f (fifo)"] })
        );
        for (item, line) in [
            (
                json!({ "path": "a", "status": "modified", "added_lines": 1, "deleted_lines": 2 }),
                "modified a +1 -2",
            ),
            (
                json!({ "path": "b", "old_path": "a", "status": "renamed", "added_lines": 0, "deleted_lines": 0 }),
                "renamed a -> b",
            ),
            (json!({ "path": "a", "status": "added", "patch_form": "binary" }), "added a (binary)"),
        ] {
            assert_eq!(entry("/workspace", &item), line);
        }
    }

    #[test]
    fn a_whole_patch_needs_no_list_beside_it() {
        let entry = json!({ "path": "a", "status": "added", "text_patch": "+a" });
        let diff = |patch: &str, complete: bool| {
            json!({ "workspace_id": "x", "changed": true, "summary": { "total": 1, "added": 1, "modified": 0 },
                "entries": [entry], "patch": patch, "patch_complete": complete })
        };
        let given = json!({ "workspace_id": "x" });
        assert_eq!(
            told(diff("+a", true), given.clone()),
            json!({ "changed": true, "patch": "+a" })
        );
        let cut = told(diff("", false), given);
        assert_eq!(
            (&cut["entries"], &cut["summary"]),
            (&json!(["added a"]), &json!({ "total": 1, "added": 1 }))
        );
        assert_eq!(cut["patch_complete"], false);
        let applied =
            json!({ "workspace_id": "x", "changed": false, "patch": "as applied", "entries": [] });
        assert_eq!(
            told(applied, json!({ "workspace_id": "x", "patch": "as given" })),
            json!({ "changed": false, "entries": [] })
        );
    }

    #[test]
    fn what_was_asked_for_is_not_repeated() {
        let written = json!({ "workspace_id": "x", "path": "/workspace/a", "size_bytes": 3, "bytes_written": 3, "mode": "0644" });
        assert_eq!(
            told(written, json!({ "workspace_id": "x", "path": "./a" })),
            json!({ "bytes_written": 3 })
        );
        let deleted = json!({ "workspace_id": "x", "deleted": true, "reason": "explicit_delete" });
        assert_eq!(told(deleted, json!({ "workspace_id": "x" })), json!({ "deleted": true }));
        let made = json!({ "workspace_id": "y", "environment": "debian:12", "state": "started", "execution_mode": "guest_kvm",
            "vcpu_count": 1, "labels": {}, "workspace_seed": { "mode": "empty" } });
        let given = json!({ "environment": "debian:12", "vcpu_count": 1 });
        assert_eq!(
            told(made, given),
            json!({ "workspace_id": "y", "state": "started", "execution_mode": "guest_kvm" })
        );
    }
}
