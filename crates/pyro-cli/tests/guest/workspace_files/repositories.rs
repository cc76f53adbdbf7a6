//! Repositories in workspaces: what git ignores stays out, git works for every user, and nothing
//! comes out that runs on the host.

use super::{git, ok, refused, seeded, workspace};
use crate::home::{Home, stderr, stdout};
use crate::workspace::{done, exec};
use crate::{on_each_engine, on_the_host};
use std::fs;
use std::path::{Path, PathBuf};

on_the_host!(
    what_git_ignores_stays_out,
    a_linked_worktree_has_a_git_and_none_of_its_hooks_comes_out
);
on_each_engine!(
    what_git_ignores_stays_out,
    a_linked_worktree_has_a_git_and_none_of_its_hooks_comes_out
);

fn commit(root: &Path) {
    git(root, &["add", "-A"]);
    git(root, &["-c", "user.name=t", "-c", "user.email=t@localhost", "commit", "-q", "-m", "all"]);
}

/// A repository with a file that is ignored.
fn repository(home: &Home) -> PathBuf {
    let root = home.path().join("repo");
    fs::create_dir_all(root.join("target")).unwrap();
    fs::write(root.join(".gitignore"), "target\n").unwrap();
    fs::write(root.join("target/host"), "host").unwrap();
    fs::write(root.join("f"), "a\nb\nc\n").unwrap();
    git(&root, &["init", "-q"]);
    commit(&root);
    root
}

fn what_git_ignores_stays_out(home: &Home) {
    let repo = repository(home);
    let source = repo.to_str().unwrap();
    let id = &seeded(home, &repo, &["--respect-ignore"]);
    assert_eq!(done(home, "status", &[id])["workspace_seed"]["respect_ignore"], true);
    exec(home, id, "mkdir -p target/debug && echo built > target/debug/app && echo new > new");
    // As the seed did, without being told again: the guest's own build stays, the host's does not
    // come.
    let pushed = ok(home, &["sync", "push", id, source, "--delete", "--dry-run"]);
    assert_eq!(
        (&pushed["workspace_sync"]["deleted"], &pushed["workspace_sync"]["respect_ignore"]),
        (&1.into(), &true.into())
    );
    ok(home, &["sync", "push", id, source, "--delete"]);
    assert_eq!(
        exec(home, id, "ls target target/debug; test -e new || echo gone"),
        "target:\ndebug\n\ntarget/debug:\napp\ngone\n"
    );
    exec(home, id, "sed -i s/b/B/ f; echo forced > target/forced; echo .gitignore >> .gitignore");
    let diff = workspace(home, &["diff", id, "--patch"]);
    let told = stdout(&diff);
    let shown: Vec<&str> =
        told.lines().filter_map(|line| line.strip_prefix("diff --git a/")).collect();
    assert_eq!(
        shown,
        [".gitignore b/.gitignore", "f b/f"],
        "what was there is shown, whatever the rules say"
    );
    assert_eq!(
        stderr(&diff),
        "[workspace-diff] 2 ignored files are left out (target/); --include-ignored shows them\n"
    );
    let all = ok(home, &["diff", id, "--include-ignored"]);
    assert_eq!((&all["summary"]["total"], &all["ignored"]), (&4.into(), &serde_json::Value::Null));
    let patch = home.path().join("p.diff");
    let exported =
        ok(home, &["export", id, ".", "--format", "patch", "--output", patch.to_str().unwrap()]);
    assert_eq!(
        (&exported["ignored"], &exported["ignored_paths"]),
        (&2.into(), &serde_json::json!(["target/"]))
    );
    assert_eq!(fs::read(&patch).unwrap(), diff.stdout);
    git(&repo, &["apply", "../p.diff"]);
    git(&repo, &["checkout", "-q", "."]);
    // What the guest's repository tracks is shown.
    if !home.is_host() {
        exec(home, id, "git add -f target/forced");
        let paths = super::changes(home, id);
        assert!(paths.contains(&"added target/forced".to_owned()), "{paths:?}");
    }
    ok(home, &["sync", "push", id, source, "--delete", "--no-respect-ignore"]);
    assert_eq!(exec(home, id, "find target -type f"), "target/host\n");
    done(home, "delete", &[id]);
}

fn git_works_for_another_user(home: &Home, id: &str) {
    let as_another = [
        "exec",
        id,
        "--user",
        "1000",
        "--json",
        "--",
        "git log --format=%s && git -C / config --get safe.directory",
    ];
    let output = workspace(home, &as_another);
    assert!(output.status.success(), "{}", stdout(&output));
    assert_eq!(crate::workspace::said(&output)["stdout"], "all\n*\n");
    assert_eq!(exec(home, id, "chown -R 1000:1000 . && git log --format=%s"), "all\n");
    // It is a file like others: what a user sets stays, and nothing of it is a change of the
    // workspace.
    exec(home, id, "git config --system user.name n && git config --get user.name");
    assert!(super::changes(home, id).iter().all(|change| !change.contains("gitconfig")));
}

fn a_linked_worktree_has_a_git_and_none_of_its_hooks_comes_out(home: &Home) {
    let repo = repository(home);
    git(&repo, &["worktree", "add", "-q", "../linked", "-b", "side"]);
    let linked = home.path().join("linked");
    let id = &seeded(home, &linked, &[]);
    let path = "export GIT_PAGER=cat;";
    assert_eq!(
        exec(home, id, &format!("{path} git log --format=%s; git status --short --branch")),
        "all\n## side\n"
    );
    if !home.is_host() {
        git_works_for_another_user(home, id);
    }
    // The same pushed again changes nothing but what the guest did.
    let pushed = ok(home, &["sync", "push", id, linked.to_str().unwrap()]);
    assert!(pushed["workspace_sync"]["git_note"].is_null(), "{pushed}");
    exec(
        home,
        id,
        "git config core.fsmonitor 'touch /tmp/ran' && git config remote.o.url https://example.org/a && \
         printf '#!/bin/sh\\n' > .git/hooks/post-checkout && chmod +x .git/hooks/post-checkout && \
         mkdir sub && echo 'gitdir: ../f' > sub/.git",
    );
    let out = home.path().join("out");
    let exported = ok(home, &["export", id, ".", "--output", out.to_str().unwrap()]);
    let left: Vec<&str> = exported["left_out"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["path"].as_str().unwrap())
        .collect();
    assert_eq!(
        left,
        ["/workspace/.git/config", "/workspace/.git/hooks/post-checkout", "/workspace/sub/.git"],
        "{exported}"
    );
    assert!(!out.join(".git/hooks/post-checkout").exists() && !out.join("sub/.git").exists());
    assert_eq!(
        git(&out, &["config", "--local", "--get", "remote.o.url"]),
        b"https://example.org/a\n"
    );
    let config = fs::read_to_string(out.join(".git/config")).unwrap();
    assert!(!config.contains("fsmonitor"), "{config}");
    assert_eq!(git(&out, &["log", "--format=%s"]), b"all\n");
    let plain = ["workspace", "export", id, ".", "--force", "--output", out.to_str().unwrap()];
    let told = stderr(&home.pyro(&plain).output().unwrap());
    assert!(
        told.contains("hint: --keep-git-config exports git settings and hooks as they are\n"),
        "{told}"
    );
    assert_eq!(told.matches("--keep-git-config").count(), 1, "{told}");
    let kept = home.path().join("kept");
    let exported =
        ok(home, &["export", id, ".", "--output", kept.to_str().unwrap(), "--keep-git-config"]);
    assert_eq!(exported["left_out"], serde_json::json!([]));
    assert!(fs::read_to_string(kept.join(".git/config")).unwrap().contains("fsmonitor"));
    let tar = home.path().join("out.tar");
    let exported =
        ok(home, &["export", id, ".git", "--format", "tar", "--output", tar.to_str().unwrap()]);
    assert_eq!(exported["left_out"].as_array().unwrap().len(), 2, "{exported}");
    // Neither does a file come into a repository of the host.
    let into = repo.join(".git/hooks/post-checkout");
    let (kind, words) = refused(home, &["export", id, "f", "--output", into.to_str().unwrap()]);
    assert!(kind == "denied" && words.contains("lies in a .git directory"), "{kind}: {words}");
    let (kind, _) = refused(
        home,
        &["export", id, ".git/hooks/post-checkout", "--output", out.join("x").to_str().unwrap()],
    );
    assert_eq!(kind, "denied");
    done(home, "delete", &[id]);
}
