//! Trees and archives carried into a workspace and out of it.

use super::{checkout, nothing_is_staged, ok, refused, seeded};
use crate::home::{ENVIRONMENT, Home, stdout};
use crate::workspace::{done, exec, failed};
use crate::{on_each_engine, on_the_host};
use serde_json::json;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

on_the_host!(a_push_sends_what_differs, archives_go_both_ways);
on_each_engine!(a_push_sends_what_differs, archives_go_both_ways);

fn a_push_sends_what_differs(home: &Home) {
    let repo = checkout(home);
    let source = repo.to_str().unwrap();
    let id = &seeded(home, &repo, &["--respect-ignore"]);
    let push = |flags: &[&str]| {
        let pushed = ok(home, &[&["sync", "push", id, source, "--respect-ignore"], flags].concat());
        let sync = &pushed["workspace_sync"];
        (
            sync["entry_count"].as_u64().unwrap(),
            sync["bytes_written"].as_u64().unwrap(),
            sync["deleted"].as_u64().unwrap(),
        )
    };
    assert_eq!(push(&[]), (0, 0, 0));
    fs::write(repo.join("src/old.txt"), "new\n").unwrap();
    fs::set_permissions(repo.join("bytes"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::remove_file(repo.join("no newline")).unwrap();
    let old_time = fs::metadata(repo.join("src/old.txt")).unwrap().modified().unwrap();
    assert_eq!(push(&["--dry-run"]), (1, 4, 0));
    // Another content, the same time.
    fs::File::open(repo.join("src/old.txt")).unwrap().set_modified(old_time).unwrap();
    // Another time, the same content.
    fs::File::open(repo.join("run.sh"))
        .unwrap()
        .set_modified(std::time::SystemTime::now())
        .unwrap();
    exec(home, id, "mkdir build && echo guest > build/mine; echo guest > mine");
    assert_eq!(push(&["--delete", "--dry-run"]), (1, 4, 2));
    assert_eq!(exec(home, id, "cat src/old.txt mine"), "old\nguest\n");
    assert_eq!(push(&["--delete"]), (1, 4, 2));
    let look = "cat src/old.txt build/mine; stat -c '%a %Y' bytes run.sh; ls mine 'no newline' 2>&1 | wc -l";
    let time = |path: &str| fs::metadata(repo.join(path)).unwrap().mtime();
    assert_eq!(
        exec(home, id, look),
        format!("new\nguest\n600 {}\n755 {}\n2\n", time("bytes"), time("run.sh"))
    );
    assert_eq!(push(&["--delete"]), (0, 0, 0));
    // Somewhere new.
    assert!(push(&["--dest", "a/b/c"]).0 > 5);
    assert_eq!(
        exec(
            home,
            id,
            "cat a/b/c/src/old.txt; stat -c %h a/b/c/src/same.txt; ls a/b/c/build 2>&1 | wc -l"
        ),
        "new\n2\n1\n"
    );
    // A directory that holds something is not replaced by a file, unless deleting was asked for.
    exec(home, id, "rm run.sh && mkdir run.sh && echo > run.sh/x");
    let (kind, words) = refused(home, &["sync", "push", id, source]);
    assert!(kind == "conflict" && words.contains("/workspace/run.sh"), "{words}");
    push(&["--delete"]);
    assert_eq!(exec(home, id, "./run.sh"), "ran\n");
    nothing_is_staged(home, id);
    done(home, "delete", &[id]);
}

fn archives_go_both_ways(home: &Home) {
    let repo = checkout(home);
    let tar = |name: &str, flag: &str| {
        let path = home.path().join(name);
        let made = Command::new("tar")
            .arg(flag)
            .arg("-cf")
            .arg(&path)
            .arg("-C")
            .arg(&repo)
            .arg(".")
            .status();
        made.unwrap().success().then(|| path.to_str().unwrap().to_owned())
    };
    let plain = tar("a.tar", "--format=pax").unwrap();
    let gzip = tar("a.tgz", "-z").unwrap();
    let id = &seeded(home, Path::new(&gzip), &[]);
    let status = done(home, "status", &[id]);
    assert_eq!(status["workspace_seed"]["mode"], "tar_archive");
    assert_eq!(exec(home, id, "./run.sh; cat build/product; stat -c %h src/a.txt"), "ran\nmade2\n");
    // The same files again, but with parts of seconds.
    ok(home, &["sync", "push", id, &plain]);
    let again = ok(home, &["sync", "push", id, &plain]);
    assert_eq!(
        (&again["workspace_sync"]["entry_count"], &again["workspace_sync"]["changed"]),
        (&json!(0), &json!(false))
    );
    assert_eq!(exec(home, id, "cat src/a.txt"), "one\ntwo\nthree\n");
    nothing_is_staged(home, id);
    let out = home.path().join("b.tar");
    ok(home, &["export", id, ".", "--format", "tar", "--output", out.to_str().unwrap()]);
    let unpacked = home.path().join("unpacked");
    fs::create_dir(&unpacked).unwrap();
    assert!(
        Command::new("tar")
            .arg("-xf")
            .arg(&out)
            .arg("-C")
            .arg(&unpacked)
            .status()
            .unwrap()
            .success()
    );
    let compared = Command::new("diff")
        .args(["-r", "--no-dereference"])
        .arg(&repo)
        .arg(&unpacked)
        .output()
        .unwrap();
    assert!(compared.status.success(), "{}", stdout(&compared));
    assert_eq!(refused(home, &["sync", "push", id, &plain, "--respect-ignore"]).0, "invalid_input");
    assert_eq!(refused(home, &["sync", "push", id, "/etc/passwd"]).0, "invalid_input");
    assert_eq!(refused(home, &["sync", "push", id, "/nowhere"]).0, "not_found");
    assert_eq!(failed(home, "create", &[ENVIRONMENT, "--seed-path", "/nowhere"]), "not_found");
    done(home, "delete", &[id]);
}
