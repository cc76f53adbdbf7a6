//! Trees and archives that somebody made to do harm, both ways.

use super::{changes, ok, refused, seeded, workspace};
use crate::home::{Home, stderr, stdout};
use crate::on_each_engine;
use crate::workspace::{created, done, exec, said};
use std::fs;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

on_each_engine!(a_hostile_source_is_refused_by_name, a_hostile_guest_breaks_nothing);

/// An archive of one entry, made by python, which makes what tar refuses to.
fn archive(home: &Home, name: &str, entries: &str) -> String {
    let path = home.path().join(name);
    let script = format!(
        "import tarfile,io\nt=tarfile.open({path:?},'w')\ndef add(n,k=b'0',l='',b=b''):\n i=tarfile.TarInfo(n); i.type=k; \
         i.linkname=l; i.size=len(b); t.addfile(i,io.BytesIO(b))\n{entries}\nt.close()\n"
    );
    assert!(Command::new("python3").args(["-c", &script]).status().unwrap().success());
    path.to_str().unwrap().to_owned()
}

fn a_hostile_source_is_refused_by_name(home: &Home) {
    let dir = home.path().join("special");
    fs::create_dir(&dir).unwrap();
    let pipe = dir.join("pipe\nline");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let directory = dir.to_str().unwrap();
    let id = &created(home);
    exec(home, id, "echo kept > kept");
    let output = workspace(home, &["sync", "push", id, directory]);
    let told = stderr(&output);
    assert!(
        output.status.success() && told.contains("pipe\\nline: left out: it is a named pipe"),
        "{told}"
    );
    // A socket is nothing without its process; of a member that comes twice the later one is meant.
    let plain = home.path().join("plain");
    fs::create_dir(&plain).unwrap();
    fs::write(plain.join("file"), "").unwrap();
    let _socket = UnixListener::bind(plain.join("socket")).unwrap();
    ok(home, &["sync", "push", id, plain.to_str().unwrap(), "--dest", "plain"]);
    ok(
        home,
        &[
            "sync",
            "push",
            id,
            &archive(home, "again.tar", "add('f',b=b'long'); add('f',b=b'x')"),
            "--dest",
            "plain",
        ],
    );
    assert_eq!(exec(home, id, "ls plain; cat plain/f; rm -r plain"), "f\nfile\nx");
    for (name, entries, word) in [
        ("up.tar", "add('good',b=b'x'); add('../up',b=b'x')", "../up"),
        ("root.tar", "add('/etc/evil',b=b'x')", "/etc/evil"),
        ("through.tar", "add('l',b'2','/etc'); add('l/evil',b=b'x')", "l/evil"),
        ("chain.tar", "add('a',b'2','b'); add('b',b'2','/etc'); add('a/evil',b=b'x')", "a/evil"),
        ("hard.tar", "add('h',b'1','../../etc/passwd')", "etc/passwd"),
        ("twice.tar", "add('kept',b=b'x'); add('kept',b'5')", "kept"),
        ("long.tar", "add('n'*256,b=b'x')", "nnn"),
    ] {
        let (kind, words) = refused(home, &["sync", "push", id, &archive(home, name, entries)]);
        assert!(words.contains(word), "{name}: {kind}: {words}");
        assert_eq!(
            exec(home, id, "ls -A . /.pyro/stages; cat kept; ls /etc/evil 2>/dev/null || true"),
            ".:\nkept\n\n/.pyro/stages:\nkept\n",
            "{name}"
        );
    }
    done(home, "delete", &[id]);
}

fn a_hostile_guest_breaks_nothing(home: &Home) {
    let seed = home.path().join("seed");
    fs::create_dir(&seed).unwrap();
    fs::write(seed.join("text"), "a\n").unwrap();
    let id = &seeded(home, &seed, &[]);
    let long = "n".repeat(255);
    exec(
        home,
        id,
        &format!(
            "echo b >> text; mknod dev c 1 3; mkfifo pipe; truncate -s 1T sparse; printf x > \"$(printf 'new\\nline')\"; \
             printf x > \"$(printf 'bad\\377')\"; printf x > {long}; ln -s ../../../../etc/passwd leak; ln -s leak two; \
             printf x > \"$(printf '\\033[31mred')\"; mkdir -m 0 closed; ln -s loop loop"
        ),
    );
    let diff = ok(home, &["diff", id]);
    assert_eq!(
        (diff["summary"]["total"].as_u64(), diff["patch_complete"].as_bool()),
        (Some(12), Some(false)),
        "{diff}"
    );
    assert!(changes(home, id).contains(&"modified text".to_owned()));
    let listed = stdout(&workspace(home, &["file", "list", id]));
    assert!(listed.lines().count() == 13 && !listed.contains('\u{1b}'), "{listed}");
    let out = home.path().join("out");
    let export = ok(home, &["export", id, ".", "--output", out.to_str().unwrap()]);
    assert_eq!(export["left_out"].as_array().unwrap().len(), 2, "{export}");
    assert_eq!(fs::metadata(out.join("sparse")).unwrap().len(), 1 << 40);
    assert_eq!(fs::read_link(out.join("leak")).unwrap().to_str(), Some("../../../../etc/passwd"));
    let tar = home.path().join("out.tar");
    let (_, words) =
        refused(home, &["export", id, ".", "--format", "tar", "--output", tar.to_str().unwrap()]);
    assert!(!tar.exists(), "{words}");
    // Something writes all the time.
    exec(
        home,
        id,
        "rm sparse; (while :; do date +%N%N%N >> busy; echo > busy2; rm -f busy2; done) > /dev/null 2>&1 &",
    );
    for round in 0..3 {
        assert!(changes(home, id).contains(&"modified text".to_owned()));
        ok(home, &["export", id, ".", "--output", out.to_str().unwrap(), "--force"]);
        ok(home, &["file", "list", id, "--recursive"]);
        println!("round {round}");
    }
    // The root itself is turned into something else: what is said of its files is done to those of
    // that place, in this guest, and to none besides them.
    let etc = || {
        let look = "find /etc -mindepth 1 ! -path /etc/text -printf '%p %m %y %s %T@ %C@\\n' | sort | cksum";
        done(home, "exec", &[id, "--cwd", "/", "--", look])["stdout"].clone()
    };
    let before = etc();
    exec(home, id, "cd /; mv workspace was; ln -s /etc /workspace");
    let patch = home.path().join("p.diff");
    fs::write(&patch, "--- /dev/null\n+++ b/text\n@@ -0,0 +1 @@\n+a\n").unwrap();
    for words in [
        &["diff", id][..],
        &["sync", "push", id, seed.to_str().unwrap()],
        &["patch", "apply", id, "--patch-file", patch.to_str().unwrap()],
        &["file", "write", id, "text", "--text", "a"],
        &["file", "read", id, "passwd"],
        &["export", id, ".", "--force", "--output", out.to_str().unwrap()],
    ] {
        let told = said(&workspace(home, &[words, &["--json"]].concat()));
        assert_ne!(told["kind"], "internal", "{words:?}: {told}");
        assert_eq!(etc(), before, "{words:?}");
    }
    assert!(!Path::new("/etc/text").exists(), "the host's is another one");
    done(home, "delete", &[id]);
}

/// On one engine only: the limits are pyro's own, and a KVM without nested paging takes ten minutes
/// to create the files.
#[test]
fn a_hundred_thousand_files() {
    let home = &Home::tcg();
    let id = &created(home);
    let perl = "perl -e 'for $d (1..100) { mkdir \"d$d\"; for (1..1000) { open(F, \">d$d/f$_\"); print F $_; close F } }'";
    exec(home, id, perl);
    let diff = ok(home, &["diff", id]);
    assert_eq!(diff["summary"]["added"], 100_000);
    let (mut pages, mut count, mut after) = (0, 0, "/workspace".to_owned());
    loop {
        let page =
            ok(home, &["file", "list", id, "--recursive", "--limit", "40000", "--after", &after]);
        (pages, count) = (pages + 1, count + page["count"].as_u64().unwrap());
        match page["next_after"].as_str() {
            Some(next) => next.clone_into(&mut after),
            None => break,
        }
    }
    assert_eq!((pages, count), (3, 100_100));
    let out = home.path().join("out");
    let export = ok(home, &["export", id, ".", "--output", out.to_str().unwrap()]);
    assert_eq!(export["entry_count"], 100_100);
    let pushed = ok(home, &["sync", "push", id, out.to_str().unwrap(), "--delete"]);
    assert_eq!(pushed["workspace_sync"]["changed"], false);
    done(home, "delete", &[id]);
}
