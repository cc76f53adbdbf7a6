//! After a push the guest holds what the source holds, and what did not come is named.

use super::{changes, ok, refused, seeded, workspace};
use crate::home::{Home, stderr, stdout};
use crate::workspace::{done, exec};
use crate::{on_each_engine, on_the_host};
use rustix::fs::{CWD, FileType, Mode, XattrFlags, setxattr};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

on_the_host!(equal_length_and_time_hide_nothing, a_cut_archive_deletes_nothing);
on_each_engine!(
    equal_length_and_time_hide_nothing,
    a_cut_archive_deletes_nothing,
    what_is_left_out_is_named,
    bits_and_times_are_kept_or_named
);

/// A file with the time that npm gives to all.
fn packed(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    let fixed = UNIX_EPOCH + Duration::from_secs(499_162_500);
    fs::File::open(path).unwrap().set_modified(fixed).unwrap();
}

fn tar(home: &Home, name: &str, from: &Path, members: &[&str]) -> String {
    let path = home.path().join(name).to_str().unwrap().to_owned();
    let made =
        Command::new("tar").args(["-caf", &path, "-C"]).arg(from).args(members).status().unwrap();
    assert!(made.success());
    path
}

fn equal_length_and_time_hide_nothing(home: &Home) {
    let source = home.path().join("package");
    packed(&source.join("package.json"), "{\"version\":\"1.0.4\"}\n");
    packed(&source.join("lib/index.js"), "one\n");
    let id = &seeded(home, &source, &[]);
    let from = source.to_str().unwrap();
    let push = |flags: &[&str]| {
        let pushed = ok(home, &[&["sync", "push", id, from], flags].concat());
        let sync = pushed["workspace_sync"].clone();
        (sync["entry_count"].as_u64().unwrap(), sync["unchanged"].as_u64().unwrap())
    };
    assert_eq!(push(&[]), (0, 3));
    // Each of these has the length and the time that it had: a new file, and one that was written
    // in place.
    packed(&source.join("package.json"), "{\"version\":\"1.0.5\"}\n");
    fs::remove_file(source.join("lib/index.js")).unwrap();
    packed(&source.join("lib/index.js"), "two\n");
    assert_eq!(push(&[]), (2, 1));
    assert_eq!(exec(home, id, "cat package.json lib/index.js"), "{\"version\":\"1.0.5\"}\ntwo\n");
    // What was put by itself is compared once, then known.
    assert_eq!((push(&[]), push(&[])), ((0, 3), (0, 3)));
    // The guest's own change hides behind the same time no less.
    exec(home, id, "printf 'bad\\n' > lib/index.js; touch -d @499162500 lib/index.js");
    assert_eq!(push(&[]), (1, 2));
    exec(home, id, "printf 'bad\\n' > x; touch -d @499162500 x; mv x lib/index.js");
    assert_eq!(push(&[]), (1, 2));
    assert_eq!(exec(home, id, "cat lib/index.js"), "two\n");
    // A directory that is new comes as a whole.
    assert_eq!(push(&["--dest", "deep/er"]).0, 3);
    assert_eq!(push(&["--dest", "deep/er"]), (0, 3));
    exec(
        home,
        id,
        "printf 'bad\\n' > deep/er/lib/index.js; touch -d @499162500 deep/er/lib/index.js",
    );
    assert_eq!(push(&["--dest", "deep/er"]), (1, 2));
    assert_eq!(exec(home, id, "cat deep/er/lib/index.js"), "two\n");
    // Archives of both.
    let second = tar(home, "2.tar", &source, &["package.json"]);
    packed(&source.join("package.json"), "{\"version\":\"1.0.6\"}\n");
    let third = tar(home, "3.tar", &source, &["package.json"]);
    for (archive, version) in [(&second, 5), (&third, 6), (&second, 5)] {
        let pushed = ok(home, &["sync", "push", id, archive, "--dest", "t", "--delete"]);
        assert_eq!(pushed["workspace_sync"]["changed"], true);
        assert_eq!(
            exec(home, id, "cat t/package.json"),
            format!("{{\"version\":\"1.0.{version}\"}}\n")
        );
        assert_eq!(
            ok(home, &["sync", "push", id, archive, "--dest", "t"])["workspace_sync"]["changed"],
            false
        );
    }
    after_a_reset(home, id, &push);
    done(home, "delete", &[id]);
}

/// What a reset brings back is compared, not believed.
fn after_a_reset(home: &Home, id: &str, push: &dyn Fn(&[&str]) -> (u64, u64)) {
    done(home, "reset", &[id]);
    assert_eq!(push(&[]).0, 2);
    assert_eq!(exec(home, id, "cat package.json lib/index.js"), "{\"version\":\"1.0.6\"}\ntwo\n");
    if !home.is_host() {
        let forked = done(home, "fork", &[id]);
        let child = forked["workspaces"][0]["workspace_id"].as_str().unwrap();
        exec(home, child, "printf 'bad\\n' > lib/index.js; touch -d @499162500 lib/index.js");
        let source = home.path().join("package");
        let pushed = ok(home, &["sync", "push", child, source.to_str().unwrap()]);
        assert_eq!(pushed["workspace_sync"]["entry_count"], 1);
        assert_eq!(exec(home, child, "cat lib/index.js"), "two\n");
        done(home, "delete", &[child]);
    }
}

fn a_cut_archive_deletes_nothing(home: &Home) {
    let source = home.path().join("a");
    fs::create_dir(&source).unwrap();
    for name in ["f1", "f2", "f3"] {
        fs::write(source.join(name), name).unwrap();
    }
    let id = &seeded(home, &source, &[]);
    let whole = fs::read(tar(home, "whole.tar", &source, &["f1", "f2", "f3"])).unwrap();
    let gzip = fs::read(tar(home, "whole.tar.gz", &source, &["f1", "f2", "f3"])).unwrap();
    let cases: [(&str, &[u8], &str); 6] = [
        ("cut.tar", &whole[..1024], "incomplete"),
        ("nothing.tar", b"", "incomplete"),
        ("nothing.tar.xz", b"", "incomplete"),
        ("cut.tar.gz", &gzip[..gzip.len() - 9], "incomplete"),
        ("more.tar", &[&whole[..], b"more"].concat(), "after its end"),
        ("none.tar", &[0; 10240], "holds no files"),
    ];
    for (name, bytes, words) in cases {
        let path = home.path().join(name);
        fs::write(&path, bytes).unwrap();
        let (kind, told) = refused(home, &["sync", "push", id, path.to_str().unwrap(), "--delete"]);
        assert!(kind == "invalid_input" && told.contains(words), "{name}: {kind}: {told}");
        assert_eq!(exec(home, id, "cat *"), "f1f2f3", "{name}");
    }
    // Without deleting, nothing is nothing.
    let none = home.path().join("none.tar");
    assert_eq!(
        ok(home, &["sync", "push", id, none.to_str().unwrap()])["workspace_sync"]["changed"],
        false
    );
    // Directories that an archive does not name stay as they are.
    exec(home, id, "chmod 750 . && mkdir -m 700 d && touch -d @7 d");
    fs::create_dir(source.join("d")).unwrap();
    fs::write(source.join("d/x"), "x").unwrap();
    let unnamed = tar(home, "unnamed.tar", &source, &["d/x"]);
    ok(home, &["sync", "push", id, &unnamed]);
    assert_eq!(exec(home, id, "stat -c %a . d; cat d/x; rm -r d"), "750\n700\nx");
    let rooted =
        tar(home, "rooted.tar", &fs::canonicalize(&source).unwrap(), &["--exclude=./*", "."]);
    assert!(refused(home, &["sync", "push", id, &rooted, "--delete"]).1.contains("holds no files"));
    for (name, flag) in [("x.tar.xz", "f1"), ("x.tar.bz2", "f2")] {
        let archive = tar(home, name, &source, &[flag]);
        ok(home, &["sync", "push", id, &archive, "--delete"]);
        assert_eq!(exec(home, id, "ls"), format!("{flag}\n"));
    }
    done(home, "delete", &[id]);
    let cut = home.path().join("cut.tar");
    let given = [&[crate::home::ENVIRONMENT, "--seed-path", cut.to_str().unwrap()], home.allowed()]
        .concat();
    assert_eq!(crate::workspace::failed(home, "create", &given), "invalid_input");
}

fn pipe(path: &Path) {
    rustix::fs::mknodat(CWD, path, FileType::Fifo, Mode::RUSR, 0).unwrap();
}

fn what_is_left_out_is_named(home: &Home) {
    let source = home.path().join("a");
    fs::create_dir_all(source.join("d")).unwrap();
    fs::write(source.join("f"), "f").unwrap();
    pipe(&source.join("d/pipe"));
    let _socket = UnixListener::bind(source.join("sock")).unwrap();
    let id = &seeded(home, &source, &[]);
    let seed = done(home, "status", &[id])["workspace_seed"].clone();
    let named = |value: &serde_json::Value| -> Vec<String> {
        let word = |one: &serde_json::Value| {
            format!("{}: {}", one["path"].as_str().unwrap(), one["why"].as_str().unwrap())
        };
        value["left_out"].as_array().unwrap().iter().map(word).collect()
    };
    let expected = ["d/pipe: left out: it is a named pipe", "sock: left out: it is a socket"];
    assert_eq!(
        (named(&seed), &seed["left_out_count"]),
        (expected.map(str::to_owned).to_vec(), &2.into())
    );
    assert_eq!(seed["entry_count"], 2);
    // The file system of the temporary directory may have no attributes.
    let tagged = setxattr(source.join("f"), "user.tag", b"x", XattrFlags::empty()).is_ok();
    fs::write(source.join("f"), "g").unwrap();
    let from = source.to_str().unwrap();
    let output = workspace(home, &["sync", "push", id, from]);
    let told = stderr(&output);
    assert!(
        output.status.success() && told.contains("] d/pipe: left out: it is a named pipe\n"),
        "{told}"
    );
    assert_eq!(told.contains("] f: its extended attributes were not carried\n"), tagged, "{told}");
    assert!(stdout(&output).starts_with("[workspace-sync] workspace_id="), "{}", stdout(&output));
    // The same from an archive.
    let archive = tar(home, "a.tar", &source, &["--exclude=./sock", "."]);
    let pushed = ok(home, &["sync", "push", id, &archive]);
    assert_eq!(named(&pushed["workspace_sync"]), [expected[0]]);
    done(home, "delete", &[id]);
}

fn bits_and_times_are_kept_or_named(home: &Home) {
    let source = home.path().join("a");
    fs::create_dir_all(source.join("d")).unwrap();
    fs::write(source.join("d/f"), "f").unwrap();
    symlink("f", source.join("d/l")).unwrap();
    let id = &seeded(home, &source, &[]);
    // Equal, but for the times.
    let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
    fs::File::open(source.join("d/f")).unwrap().set_modified(at(1_000_000_001)).unwrap();
    fs::File::open(source.join("d")).unwrap().set_modified(at(1_000_000_002)).unwrap();
    ok(home, &["sync", "push", id, source.to_str().unwrap()]);
    assert_eq!(exec(home, id, "stat -c %Y d/f d"), "1000000001\n1000000002\n");
    let link = fs::symlink_metadata(source.join("d/l")).unwrap().mtime();
    exec(home, id, "touch -h -d @5 d/l");
    ok(home, &["sync", "push", id, source.to_str().unwrap()]);
    assert_eq!(exec(home, id, "stat -c %Y d/l"), format!("{link}\n"));
    assert_eq!(changes(home, id), [""; 0]);
    exec(
        home,
        id,
        "mkdir t g; chmod 1777 t; chmod 2755 g; cp /bin/true s; chmod 6755 s; \
         perl -e '$f = \"d/f\"; $n = \"user.tag\"; $v = \"x\"; syscall(188, $f, $n, $v, 1, 0) == 0 or die'",
    );
    for format in ["dir", "tar"] {
        let out = home.path().join(format!("out.{format}"));
        let export =
            ok(home, &["export", id, ".", "--format", format, "--output", out.to_str().unwrap()]);
        let told: Vec<_> =
            export["left_out"].as_array().unwrap().iter().map(|one| one.to_string()).collect();
        assert_eq!(export["left_out_count"], told.len(), "{format}");
        let told = told.join("\n");
        for (path, why) in
            [("s", "made without its setuid and setgid bit"), ("g", "made without its setgid bit")]
        {
            let told_so = format!("{{\"path\":\"/workspace/{path}\",\"why\":\"{why}\"}}");
            assert!(told.contains(&told_so), "{format}: {told}");
        }
        assert!(
            told.contains("/workspace/d/f\",\"why\":\"its extended attributes"),
            "{format}: {told}"
        );
        let tree = match format {
            "dir" => out,
            _ => {
                let tree = home.path().join("unpacked");
                fs::create_dir(&tree).unwrap();
                assert!(
                    Command::new("tar")
                        .arg("-xpf")
                        .arg(&out)
                        .arg("-C")
                        .arg(&tree)
                        .status()
                        .unwrap()
                        .success()
                );
                tree
            }
        };
        let mode =
            |path: &str| fs::metadata(tree.join(path)).unwrap().permissions().mode() & 0o7777;
        assert_eq!((mode("t"), mode("s"), mode("g")), (0o1777, 0o755, 0o755), "{format}");
        assert!(fs::metadata(tree.join("d/f")).unwrap().modified().unwrap() < SystemTime::now());
    }
    done(home, "delete", &[id]);
}
