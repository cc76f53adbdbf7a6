//! Single files of a workspace: written, read, listed, and what links among them do.

use super::{ok, refused, workspace};
use crate::home::{Home, stderr, stdout};
use crate::on_each_engine;
use crate::workspace::{done, exec};
use serde_json::json;

on_each_engine!(files_one_by_one);

/// Within the workspace, and it is said.
fn links_are_followed(home: &Home, id: &str) {
    exec(
        home,
        id,
        "cd a/b; ln -s ../b/f.sh rel; ln -s /workspace/a/b/rel abs; ln -s / out; ln -s out/etc/passwd way; ln -s loop loop; \
         ln -s gone dangling; ln -s . dir",
    );
    for path in ["a/b/rel", "a/b/abs", "a/b/dir/abs"] {
        let read = ok(home, &["file", "read", id, path]);
        assert_eq!(
            (&read["content"], &read["real_path"]),
            (&json!("hello again\n"), &json!("/workspace/a/b/f.sh")),
            "{path}"
        );
    }
    let output = workspace(home, &["file", "read", id, "a/b/abs", "--content-only"]);
    assert_eq!(stdout(&output), "hello again\n");
    assert_eq!(
        stderr(&output),
        "[workspace-file-read] /workspace/a/b/abs is a link to /workspace/a/b/f.sh\n"
    );
    assert!(ok(home, &["file", "read", id, "a/b/f.sh"])["real_path"].is_null());
    for (path, kind, words) in [
        ("a/b/out", "invalid_input", "out of the workspace"),
        ("a/b/way", "invalid_input", "out of the workspace"),
        ("a/b/loop", "invalid_input", "too many links"),
        ("a/b/dangling", "not_found", "a/b/gone"),
    ] {
        let told = refused(home, &["file", "read", id, path]);
        assert!(told.0 == kind && told.1.contains(words), "{path}: {told:?}");
    }
    exec(home, id, "cd a/b; rm rel abs out way loop dangling dir");
}

fn files_one_by_one(home: &Home) {
    let id = &crate::workspace::created(home);
    let written = ok(home, &["file", "write", id, "a/b/f.sh", "--text", "hello\n"]);
    assert_eq!((&written["size_bytes"], &written["mode"]), (&json!(6), &json!("0644")));
    exec(home, id, "chmod 4755 a/b/f.sh; chown 1000:1000 a/b/f.sh");
    let written =
        ok(home, &["file", "write", id, "/workspace/a/b/f.sh", "--text", "hello again\n"]);
    assert_eq!(written["path"], "/workspace/a/b/f.sh");
    assert!(exec(home, id, "stat -c '%a %u' a/b/f.sh").ends_with("755 1000\n"));
    let read = |flags: &[&str]| ok(home, &[&["file", "read", id, "a/b/f.sh"], flags].concat());
    let part = read(&["--offset", "6", "--max-bytes", "5"]);
    assert_eq!(
        (&part["content"], &part["truncated"], &part["size_bytes"]),
        (&json!("again"), &json!(true), &json!(12))
    );
    assert_eq!(read(&["--offset", "100"])["content"], "");
    exec(
        home,
        id,
        "printf 'a\\377' > odd; head -c 3000000 /dev/zero > large; ln -s large link; ln -s / way; mkfifo pipe",
    );
    let odd = ok(home, &["file", "read", id, "odd"]);
    assert_eq!(
        (&odd["content"], &odd["content_encoding"]),
        (&json!("a\u{fffd}"), &json!("utf-8-replaced"))
    );
    assert_eq!(workspace(home, &["file", "read", id, "odd", "--content-only"]).stdout, b"a\xff");
    assert_eq!(ok(home, &["file", "read", id, "large", "--offset", "2999999"])["bytes_read"], 1);
    for (path, kind) in [
        ("..", "invalid_input"),
        ("/etc/passwd", "invalid_input"),
        ("none", "not_found"),
        ("a", "invalid_input"),
    ] {
        assert_eq!(refused(home, &["file", "read", id, path]).0, kind, "{path}");
    }
    links_are_followed(home, id);
    assert_eq!(refused(home, &["file", "read", id, "pipe"]).0, "invalid_input");
    for path in ["link", "pipe"] {
        assert_ne!(
            refused(home, &["file", "write", id, path, "--text", "x"]).0,
            "internal",
            "{path}"
        );
    }
    let listed = ok(home, &["file", "list", id]);
    let entries = listed["entries"].as_array().unwrap();
    let told: Vec<_> = entries
        .iter()
        .map(|one| (one["path"].as_str().unwrap(), one["artifact_type"].as_str().unwrap()))
        .collect();
    let expected = [
        ("a", "directory"),
        ("large", "file"),
        ("link", "symlink"),
        ("odd", "file"),
        ("pipe", "fifo"),
        ("way", "symlink"),
    ];
    assert_eq!(
        told,
        expected
            .map(|(path, kind)| (format!("/workspace/{path}"), kind))
            .iter()
            .map(|(path, kind)| (path.as_str(), *kind))
            .collect::<Vec<_>>()
    );
    let page = ok(home, &["file", "list", id, "--recursive", "--limit", "2"]);
    assert_eq!((&page["next_after"], &page["count"]), (&json!("/workspace/a/b"), &json!(2)));
    let page =
        ok(home, &["file", "list", id, "--recursive", "--limit", "2", "--after", "/workspace/a/b"]);
    assert_eq!(page["entries"][0]["path"], "/workspace/a/b/f.sh");
    assert_eq!(ok(home, &["file", "list", id, "link"])["entries"][0]["link_target"], "large");
    done(home, "stop", &[id]);
    assert_eq!(refused(home, &["file", "list", id]).0, "wrong_state");
    done(home, "delete", &[id]);
}
