//! Patches in the forms that people and models send, and patches of files that are too large for
//! one.

use super::{ok, refused, seeded, workspace};
use crate::home::{Home, stderr, stdout};
use crate::workspace::{done, exec};
use crate::{on_each_engine, on_the_host};
use serde_json::json;
use std::fs;
use std::process::Command;

on_the_host!(patches_of_every_form, a_patch_leaves_out_what_is_too_large);
on_each_engine!(patches_of_every_form, a_patch_leaves_out_what_is_too_large);

const SOURCE: &str = "def a():\n    return 1\n\ndef b():\n    return 2\n\ndef c():\n    return 3\n";

fn patches_of_every_form(home: &Home) {
    let seed = home.path().join("seed");
    fs::create_dir(&seed).unwrap();
    fs::write(seed.join("m.py"), SOURCE).unwrap();
    let id = &seeded(home, &seed, &[]);
    let change = |hunk: &str| format!("--- ./m.py\n+++ ./m.py\n{hunk}");
    let codex =
        |chunk: &str| format!("*** Begin Patch\n*** Update File: m.py\n{chunk}*** End Patch\n");
    let bump = "--- a/vendor\n+++ b/vendor\n@@ -1 +1 @@\n-Subproject commit 1111111111111111111111111111111111111111\n\
                +Subproject commit 2222222222222222222222222222222222222222\n";
    let two = "@@ -5 +5 @@\n-    return 2\n+    return 22\n";
    for (patch, from, to) in [
        (change(two), "return 2\n", "return 22\n"),
        (
            change("@@ -4,2 +4,2 @@\n def b():\n-    return 2\n+    return 22\n"),
            "return 2\n",
            "return 22\n",
        ),
        (change("@@ -5,0 +6 @@\n+    # x\n"), "return 2\n", "return 2\n    # x\n"),
        (change("@@ -1 +1 @@\n-def a():\n+def aa():\n"), "def a()", "def aa()"),
        (change("@@\n-    return 2\n+    return 22\n"), "return 2\n", "return 22\n"),
        (change("@@ -1,9 +1,9 @@\n-    return 2\n+    return 22\n"), "return 2\n", "return 22\n"),
        (codex("@@ def c():\n-    return 3\n+    return 33\n"), "return 3\n", "return 33\n"),
        (change(two) + bump, "return 2\n", "return 22\n"),
        (
            change(two) + &change("@@ -5 +5 @@\n-    return 22\n+    return 222\n"),
            "return 2\n",
            "return 222\n",
        ),
    ] {
        done(home, "reset", &[id]);
        let applied = ok(home, &["patch", "apply", id, "--patch", &patch]);
        assert_eq!(applied["summary"]["modified"], 1, "{patch}: {applied}");
        let skipped =
            if patch.contains("Subproject") { json!(["/workspace/vendor"]) } else { json!(null) };
        assert_eq!(applied["skipped"], skipped);
        assert_eq!(exec(home, id, "cat m.py"), SOURCE.replacen(from, to, 1), "{patch}");
    }
    let skipped = workspace(home, &["patch", "apply", id, "--patch", bump]);
    assert!(
        skipped.status.success()
            && stderr(&skipped).contains("/workspace/vendor: skipped: it is a submodule")
    );
    let (kind, words) = refused(
        home,
        &["patch", "apply", id, "--patch", &change("@@ -2 +2 @@\n-    return 9\n+x\n")],
    );
    assert!(
        kind == "conflict" && words.contains("m.py is, from line 1:\n| def a():\n|     return 1\n"),
        "{kind}: {words}"
    );
    done(home, "delete", &[id]);
}

fn a_patch_leaves_out_what_is_too_large(home: &Home) {
    let seed = home.path().join("seed");
    fs::create_dir(&seed).unwrap();
    fs::write(seed.join("f"), "one\n").unwrap();
    let id = &seeded(home, &seed, &[]);
    exec(
        home,
        id,
        "echo two > f; head -c 17000000 /dev/urandom > large.bin; head -c 5000000 /dev/urandom > medium.bin",
    );
    let patch = workspace(home, &["diff", id, "--patch"]);
    assert_eq!(patch.status.code(), Some(1));
    for name in ["large.bin", "medium.bin"] {
        assert!(
            stderr(&patch).contains(&format!("{name}: left out: too large for a patch")),
            "{}",
            stderr(&patch)
        );
    }
    let diff = ok(home, &["diff", id]);
    assert_eq!(
        (&diff["patch_complete"], &diff["not_in_patch"]),
        (&json!(false), &json!(["large.bin", "medium.bin"]))
    );
    let out = home.path().join("out.patch");
    let export = ["export", id, ".", "--format", "patch", "--output", out.to_str().unwrap()];
    let exported = workspace(home, &export);
    assert!(
        exported.status.code() == Some(1)
            && stderr(&exported).contains("/workspace/medium.bin: left out")
    );
    assert!(stdout(&exported).contains("entry_count=1"), "{}", stdout(&exported));
    assert_eq!(fs::read(&out).unwrap(), patch.stdout);
    let mut apply = Command::new("git");
    apply
        .args(["apply", "../out.patch"])
        .current_dir(&seed)
        .env("GIT_CEILING_DIRECTORIES", home.path());
    let applied = apply.status().unwrap();
    assert!(applied.success() && fs::read_to_string(seed.join("f")).unwrap() == "two\n");
    // What is complete is told by the exit status too.
    exec(home, id, "rm large.bin medium.bin");
    assert!(workspace(home, &["diff", id, "--patch"]).status.success());
    assert!(workspace(home, &[&export[..], &["--force"]].concat()).status.success());
    done(home, "delete", &[id]);
}
