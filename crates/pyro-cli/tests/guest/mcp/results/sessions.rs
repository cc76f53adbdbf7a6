//! Results of what stays beside commands: snapshots, shells, services, the disk of a workspace that
//! is stopped.

use super::{FLOODS, Results, of};
use crate::home::{Home, eventually};
use serde_json::{Value, json};

/// Call each of their tools, with more to tell than a result holds.
pub(super) fn call(results: &mut Results, home: &Home, workspace: &Value) {
    snapshots(results, workspace);
    shells(results, workspace);
    services(results, workspace);
    disk(results, home, workspace);
}

fn snapshots(results: &mut Results, workspace: &Value) {
    for number in 0..3 {
        let name = format!("{}{number}", "n".repeat(63));
        results.call("snapshot_create", of(workspace, json!({ "snapshot_name": name })));
    }
    let list = results.read("snapshot_list", of(workspace, json!({})));
    assert_eq!(list["snapshots"].as_array().unwrap().len(), 4, "{list}");
    let first = list["snapshots"][0].as_object().unwrap();
    assert!(first["snapshot_name"] == "baseline" && !first.contains_key("kind"), "{list}");
    let name = &list["snapshots"][1]["snapshot_name"];
    let diff = results.done("workspace_diff", of(workspace, json!({ "from": name })));
    assert_eq!(diff["changed"], false, "{diff}");
    let back = results.done("workspace_reset", of(workspace, json!({ "snapshot": name })));
    assert_eq!(&back["workspace_reset"]["snapshot_name"], name, "{back}");
    results.call("snapshot_delete", of(workspace, json!({ "snapshot_name": name })));
}

fn shells(results: &mut Results, workspace: &Value) {
    let shell = results.done("shell_open", of(workspace, json!({ "cols": 500, "rows": 200 })));
    let of = |mut arguments: Value| {
        arguments["shell_id"] = shell["shell_id"].clone();
        of(workspace, arguments)
    };
    let flood = "clear; for line in $(seq 200); do printf '%0490d\\n' $line; done; echo do''ne";
    results.call("shell_write", of(json!({ "input": flood })));
    eventually("the whole flood", || {
        let read = results.done("shell_read", of(json!({ "screen": true })));
        read["output"].as_str().unwrap().contains("done").then_some(())
    });
    for view in [json!({}), json!({ "plain": true, "max_chars": 1_000_000 })] {
        results.call("shell_read", of(view));
    }
    results.call("shell_signal", of(json!({})));
    results.call("shell_close", of(json!({})));
}

fn services(results: &mut Results, workspace: &Value) {
    let named = |arguments: Value| {
        let mut all = of(workspace, arguments);
        all["service_name"] = json!("s".repeat(60));
        all
    };
    for flood in FLOODS {
        let command = format!("{flood}; touch /tmp/printed; exec sleep 1000");
        let ready = json!({ "command": command, "ready_file": "/tmp/printed" });
        assert_eq!(results.done("service_start", named(ready))["state"], "running");
        for logs in [json!({}), json!({ "all": true })] {
            results.call("service_logs", named(logs));
        }
        results.call("service_status", named(json!({})));
        results.call("service_list", of(workspace, json!({})));
        assert_eq!(results.done("service_stop", named(json!({})))["state"], "stopped");
        results.call("workspace_exec", of(workspace, json!({ "command": "rm /tmp/printed" })));
    }
    let failed = json!({ "command": format!("{}; exit 3", FLOODS[0]), "ready_command": "false" });
    let failed = results.done("service_start", named(failed));
    assert_eq!((&failed["state"], &failed["exit_code"]), (&json!("failed"), &json!(3)), "{failed}");
}

fn disk(results: &mut Results, home: &Home, workspace: &Value) {
    results.call("workspace_stop", of(workspace, json!({})));
    for path in ["/usr/share", "/usr/lib"] {
        let list = json!({ "path": path, "recursive": true });
        let list = results.done("workspace_disk_list", of(workspace, list));
        assert!(list["entries"].as_array().unwrap().len() > 50, "{list}");
    }
    for path in ["/usr/bin/bash", "/etc/bash.bashrc"] {
        let read = json!({ "path": path, "max_bytes": 1_048_576 });
        results.call("workspace_disk_read", of(workspace, read));
    }
    let output = json!({ "output_path": home.path().join("disk.ext4") });
    results.call("workspace_disk_export", of(workspace, output));
    results.call("workspace_start", of(workspace, json!({})));
}
