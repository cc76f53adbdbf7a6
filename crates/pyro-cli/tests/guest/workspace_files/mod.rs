//! A workspace's files from the command line: seeded, pushed, read, written, patched, compared,
//! exported.

mod carried;
mod changing;
mod exact;
mod faults;
mod hostile;
mod killed;
mod one_by_one;
mod patches;
mod repositories;

use crate::home::{ENVIRONMENT, Home, eventually, stderr, stdout};
use crate::workspace::{done, exec, failed, said};
use crate::{on_each_engine, on_the_host};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

on_the_host!(the_loop_of_an_agent);
on_each_engine!(the_loop_of_an_agent);

/// A new workspace with a seed.
pub fn seeded(home: &Home, seed: &Path, flags: &[&str]) -> String {
    let path = seed.to_str().unwrap();
    let given =
        [&[ENVIRONMENT, "--mem-mib", "512", "--seed-path", path], flags, home.allowed()].concat();
    let created = done(home, "create", &given);
    created["workspace_id"].as_str().unwrap().to_owned()
}

/// An archive of some megabytes that holds 6 GB: more than it may become in anybody's memory, and
/// than anybody has taken before a test goes on.
pub fn bomb(home: &Home) -> PathBuf {
    let path = home.path().join("bomb.tgz");
    let script = "import gzip, sys, tarfile
part, count = b'x' * 60_000_000, 100
entry = tarfile.TarInfo('large')
entry.size = len(part) * count
open(sys.argv[1], 'wb').write(gzip.compress(entry.tobuf()) + gzip.compress(part) * count)";
    let made = Command::new("python3").args(["-c", script]).arg(&path).status().unwrap();
    assert!(made.success() && path.metadata().unwrap().len() < 10_000_000);
    path
}

/// `pyro workspace args…`.
pub fn workspace(home: &Home, args: &[&str]) -> Output {
    home.pyro(&[&["workspace"], args].concat()).output().unwrap()
}

/// `pyro workspace NOUN VERB args… --json`; it must succeed.
pub fn ok(home: &Home, args: &[&str]) -> Value {
    let output = workspace(home, &[args, &["--json"]].concat());
    let value = said(&output);
    assert!(output.status.success(), "{args:?}: {value}");
    value
}

/// As [`ok`], but it must fail, with a hint: the kind.
pub fn refused(home: &Home, args: &[&str]) -> (String, String) {
    let output = workspace(home, &[args, &["--json"]].concat());
    let value = said(&output);
    assert!(!output.status.success() && value["hint"].is_string(), "{args:?}: {value}");
    (value["kind"].as_str().unwrap().to_owned(), value["error"].as_str().unwrap().to_owned())
}

/// What changed, as `status path`.
pub fn changes(home: &Home, id: &str) -> Vec<String> {
    let diff = ok(home, &["diff", id]);
    let word = |entry: &Value| {
        format!("{} {}", entry["status"].as_str().unwrap(), entry["path"].as_str().unwrap())
    };
    diff["entries"].as_array().unwrap().iter().map(word).collect()
}

/// Nothing is staged; the agent clears away behind its answer, and may take a moment to see that
/// its client is gone.
pub fn nothing_is_staged(home: &Home, id: &str) {
    let look = "ls -A ../.pyro/stages 2>/dev/null || true";
    eventually("end of what was staged", || exec(home, id, look).is_empty().then_some(()));
}

fn git(at: &Path, args: &[&str]) -> Vec<u8> {
    let output = Command::new("git").args(args).current_dir(at).output().unwrap();
    assert!(output.status.success(), "git {args:?}: {}", stderr(&output));
    output.stdout
}

/// All that git can know of a tree, but for what its `.gitignore` names: each path, whether it is a
/// link or may be executed, and what it holds.
fn tracked(root: &Path) -> Vec<(PathBuf, &'static str, Vec<u8>)> {
    let mut all = Vec::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for path in fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
            let name = path.strip_prefix(root).unwrap().to_owned();
            let meta = fs::symlink_metadata(&path).unwrap();
            if [".git", "build", "debug.log"].iter().any(|left_out| name == Path::new(left_out)) {
                continue;
            }
            if meta.is_dir() {
                directories.push(path);
            } else if meta.is_symlink() {
                all.push((
                    name,
                    "link",
                    fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes(),
                ));
            } else {
                let kind = if meta.mode() & 0o100 == 0 { "file" } else { "program" };
                all.push((name, kind, fs::read(&path).unwrap()));
            }
        }
    }
    all.sort();
    all
}

/// A checkout with what trees of real projects hold.
fn checkout(home: &Home) -> PathBuf {
    let root = home.path().join("repo");
    fs::create_dir_all(root.join("src")).unwrap();
    fs::create_dir_all(root.join("node_modules/.bin")).unwrap();
    fs::create_dir_all(root.join("build")).unwrap();
    fs::write(root.join("src/a.txt"), "one\ntwo\nthree\n").unwrap();
    fs::write(root.join("src/old.txt"), "old\n").unwrap();
    fs::write(root.join("run.sh"), "#!/bin/sh\necho ran\n").unwrap();
    fs::set_permissions(root.join("run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(root.join("bytes"), (0..=255).cycle().take(9000).collect::<Vec<u8>>()).unwrap();
    fs::write(root.join("no newline"), "x").unwrap();
    fs::write(root.join(".gitignore"), "build/\n*.log\n").unwrap();
    fs::write(root.join("build/product"), "made").unwrap();
    fs::write(root.join("debug.log"), "log").unwrap();
    symlink("../../run.sh", root.join("node_modules/.bin/run")).unwrap();
    symlink("/etc/hostname", root.join("absolute")).unwrap();
    fs::hard_link(root.join("src/a.txt"), root.join("src/same.txt")).unwrap();
    let old = std::time::UNIX_EPOCH + std::time::Duration::new(1_577_934_245, 678_000_000);
    fs::File::open(root.join("run.sh")).unwrap().set_modified(old).unwrap();
    git(&root, &["init", "-q"]);
    root
}

fn the_loop_of_an_agent(home: &Home) {
    let repo = checkout(home);
    git(&repo, &["add", "-A"]);
    git(&repo, &["-c", "user.name=t", "-c", "user.email=t@localhost", "commit", "-q", "-m", "all"]);
    let id = &seeded(home, &repo, &["--respect-ignore"]);
    let status = done(home, "status", &[id]);
    assert_eq!(status["workspace_seed"]["mode"], "directory");
    assert_eq!(
        status["workspace_seed"]["seed_path"],
        repo.canonicalize().unwrap().to_str().unwrap()
    );
    let look = "stat -c '%n %a %h %Y' run.sh src/same.txt; readlink absolute node_modules/.bin/run; ls build 2>&1; ./run.sh";
    assert_eq!(
        exec(home, id, look),
        format!(
            "run.sh 755 1 1577934245\nsrc/same.txt 644 2 {}\n/etc/hostname\n../../run.sh\n\
             ls: cannot access 'build': No such file or directory\nran\n",
            fs::metadata(repo.join("src/same.txt")).unwrap().mtime()
        )
    );
    assert_eq!(changes(home, id), [""; 0]);
    // Touched, but as it was.
    exec(home, id, "touch run.sh; mv src/old.txt x && mv x src/old.txt");
    assert_eq!(stdout(&workspace(home, &["diff", id])), "No workspace changes.\n");
    exec(
        home,
        id,
        "sed -i s/two/TWO/ src/a.txt; rm src/old.txt; chmod -x run.sh; printf '\\000\\001' >> bytes; printf new > 'n w'; \
         ln -sfn elsewhere absolute; mkdir -p deep/er && echo x > deep/er/f; mkfifo pipe; rm 'no newline'; mkdir 'no newline'",
    );
    let expected = [
        "modified absolute",
        "modified bytes",
        "added deep/er/f",
        "added n w",
        "type_changed no newline",
        "added pipe",
        "modified run.sh",
        "modified src/a.txt",
        "deleted src/old.txt",
    ];
    assert_eq!(changes(home, id), expected);
    assert_eq!(ok(home, &["diff", id, "src"])["summary"]["total"], 2);
    // No change and no such path are two things.
    assert_eq!(refused(home, &["diff", id, "scr"]).0, "not_found");
    let patch = git_applies_the_patch(home, id, &repo);
    the_patch_goes_in_again(home, id, &patch);
    match home.is_host() {
        true => assert_eq!(failed(home, "fork", &[id]), "unsupported"),
        false => forked(home, id, &patch),
    }
    export_of(home, id);
    done(home, "reset", &[id]);
    renamed(home, id);
    done(home, "delete", &[id]);
}

/// The workspace's changes as a patch, which leads git to the same tree; and git's own patch leads
/// the workspace there.
fn git_applies_the_patch(home: &Home, id: &str, repo: &Path) -> Vec<u8> {
    let patch = workspace(home, &["diff", id, "--patch"]).stdout;
    fs::write(home.path().join("p.diff"), &patch).unwrap();
    git(repo, &["apply", "../p.diff"]);
    assert_eq!(fs::read_to_string(repo.join("src/a.txt")).unwrap(), "one\nTWO\nthree\n");
    assert_eq!(fs::read_link(repo.join("absolute")).unwrap(), Path::new("elsewhere"));
    let changed = home.path().join("changed");
    ok(home, &["export", id, ".", "--output", changed.to_str().unwrap()]);
    assert_eq!(
        tracked(&changed),
        tracked(repo),
        "the guest's tree, and the host's after git has applied the patch"
    );
    // Back to the start, and there again by what git itself calls the difference.
    git(repo, &["add", "-A"]);
    let of_git = git(repo, &["diff", "--cached", "--binary"]);
    assert!(of_git != patch, "git's own differs, in the lengths of its names at least");
    fs::write(home.path().join("git.diff"), of_git).unwrap();
    done(home, "reset", &[id]);
    let file = home.path().join("git.diff");
    ok(home, &["patch", "apply", id, "--patch-file", file.to_str().unwrap()]);
    assert!(workspace(home, &["diff", id, "--patch"]).stdout == patch, "git's patch does the same");
    patch
}

/// A workspace as it was in the beginning becomes what the patch says, and only once.
fn the_patch_goes_in_again(home: &Home, id: &str, patch: &[u8]) {
    done(home, "reset", &[id]);
    assert_eq!(changes(home, id), [""; 0]);
    let file = home.path().join("p.diff");
    let applied = ok(home, &["patch", "apply", id, "--patch-file", file.to_str().unwrap()]);
    assert_eq!(
        applied["summary"],
        json!({ "total": 8, "added": 2, "modified": 4, "deleted": 2 }),
        "{applied}"
    );
    assert!(workspace(home, &["diff", id, "--patch"]).stdout == patch, "the same patch comes out");
    let (kind, words) =
        refused(home, &["patch", "apply", id, "--patch-file", file.to_str().unwrap()]);
    assert!(
        kind == "conflict" && words.contains("src/old.txt: it does not exist"),
        "{kind}: {words}"
    );
    assert!(workspace(home, &["diff", id, "--patch"]).stdout == patch, "nothing was changed");
}

/// Another workspace from here has the same beginning.
fn forked(home: &Home, id: &str, patch: &[u8]) {
    let forked = done(home, "fork", &[id]);
    let child = forked["workspaces"][0]["workspace_id"].as_str().unwrap();
    assert!(
        workspace(home, &["diff", child, "--patch"]).stdout == patch,
        "a fork has the baseline"
    );
    done(home, "stop", &[child]);
    done(home, "start", &[child]);
    assert!(workspace(home, &["diff", child, "--patch"]).stdout == patch, "and keeps it");
    done(home, "delete", &[child]);
}

/// A file that moved is deleted and added, and a rename where that is asked for; git takes either.
fn renamed(home: &Home, id: &str) {
    exec(home, id, "mv run.sh src/ran.sh");
    assert_eq!(changes(home, id), ["deleted run.sh", "added src/ran.sh"]);
    let diff = ok(home, &["diff", id, "--find-renames"]);
    assert_eq!(
        (&diff["summary"]["total"], &diff["summary"]["renamed"]),
        (&json!(1), &json!(1)),
        "{diff}"
    );
    let entry = &diff["entries"][0];
    assert_eq!(
        (&entry["status"], &entry["old_path"]),
        (&json!("renamed"), &json!("run.sh")),
        "{diff}"
    );
    let stat = stdout(&workspace(home, &["diff", id, "--find-renames", "--stat"]));
    assert!(stat.starts_with(" run.sh => src/ran.sh | +0 -0\n"), "{stat}");
    let patch = home.path().join("renamed.patch");
    let output = ["--output", patch.to_str().unwrap(), "--format", "patch", "--find-renames"];
    ok(home, &[&["export", id, "."], &output[..]].concat());
    assert_eq!(
        fs::read(&patch).unwrap(),
        workspace(home, &["diff", id, "--find-renames", "--patch"]).stdout
    );
    let here = home.path().join("moved");
    fs::create_dir(&here).unwrap();
    fs::write(here.join("run.sh"), "#!/bin/sh\necho ran\n").unwrap();
    fs::set_permissions(here.join("run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    git(&here, &["init", "-q"]);
    git(&here, &["apply", "../renamed.patch"]);
    assert_eq!(fs::read_to_string(here.join("src/ran.sh")).unwrap(), "#!/bin/sh\necho ran\n");
    assert!(!here.join("run.sh").exists());
}

fn export_of(home: &Home, id: &str) {
    let out = home.path().join("out/tree");
    let dest = out.to_str().unwrap();
    exec(home, id, "ln -s /etc/passwd leak; mkfifo pipe; touch -d @1000000001 src");
    let export = ok(home, &["export", id, ".", "--output", dest]);
    assert_eq!((&export["artifact_type"], &export["format"]), (&json!("directory"), &json!("dir")));
    assert_eq!(export["left_out"][0]["path"], "/workspace/pipe");
    assert_eq!(fs::read_link(out.join("leak")).unwrap(), Path::new("/etc/passwd"));
    assert_eq!(fs::metadata(out.join("src")).unwrap().mtime(), 1_000_000_001);
    assert_eq!(fs::metadata(out.join("run.sh")).unwrap().mode() & 0o777, 0o644);
    assert_eq!(refused(home, &["export", id, "run.sh", "--output", dest]).0, "already_exists");
    assert_eq!(
        refused(home, &["export", id, "run.sh", "--output", dest, "--force"]).0,
        "already_exists"
    );
    assert!(
        out.join("run.sh").is_file(),
        "a file does not replace a directory that holds something"
    );
    let own = home.path().to_str().unwrap();
    for whole in [own, ".", "/"] {
        assert_eq!(
            refused(home, &["export", id, ".", "--output", whole, "--force"]).0,
            "invalid_input",
            "{whole}"
        );
    }
    assert!(home.data_dir().is_dir());
    let leak = home.path().join("out/leak");
    let export = ok(home, &["export", id, "leak", "--output", leak.to_str().unwrap()]);
    let place = leak.parent().unwrap().canonicalize().unwrap().join("leak");
    assert_eq!(export["output_path"], place.to_str().unwrap(), "the link, and not where it leads");
    fs::remove_file(leak).unwrap();
    fs::remove_dir_all(&out).unwrap();
    ok(home, &["export", id, "run.sh", "--output", dest, "--force"]);
    assert_eq!(fs::read_to_string(&out).unwrap(), "#!/bin/sh\necho ran\n");
    assert_eq!(refused(home, &["export", id, "pipe", "--output", "/tmp/never"]).0, "invalid_input");
    assert_eq!(refused(home, &["export", id, "nothing", "--output", "/tmp/never"]).0, "not_found");
    let patch = home.path().join("out/changes.patch");
    ok(home, &["export", id, "src", "--format", "patch", "--output", patch.to_str().unwrap()]);
    assert!(fs::read_to_string(patch).unwrap().starts_with("diff --git a/src/a.txt b/src/a.txt\n"));
    assert_eq!(
        fs::read_dir(home.path().join("out")).unwrap().count(),
        2,
        "nothing temporary stays"
    );
}
