//! What of hostile and of usual git directories passes.

use super::*;

const CONFIG: Look = Look::Config { in_refs: false };
const PROGRAM: Look = Look::Program { in_refs: false };

#[test]
fn what_git_would_run_or_be_led_by_is_looked_at_wherever_it_lies() {
    use Node::{Directory as D, File as F, HardLink as H, Symlink as L};
    let elsewhere = Verdict::Drop("it would lead git on the host to settings elsewhere");
    let anywhere = Verdict::Drop("a link in a git directory can lead git on the host anywhere");
    for (root, path, node, verdict) in [
        ("", ".git", D, Verdict::Pass),
        ("", "config", F, Verdict::Pass),
        ("", "hooks/x", F, Verdict::Pass),
        ("", ".git/config", F, Verdict::Look(CONFIG)),
        ("", "a/.GIT/Config", F, Verdict::Look(CONFIG)),
        ("", ".git/config.worktree", F, Verdict::Look(CONFIG)),
        ("", ".git/modules/a/b/config", F, Verdict::Look(CONFIG)),
        ("", ".git/hooks/pre-commit", F, Verdict::Look(PROGRAM)),
        ("", ".git/modules/m/hooks/pre-commit", F, Verdict::Look(PROGRAM)),
        ("", ".git/hooks/pre-commit.sample", F, Verdict::Pass),
        ("", ".git/rebase-merge/git-rebase-todo", F, Verdict::Look(PROGRAM)),
        ("", ".git/refs/heads/hooks/x", F, Verdict::Look(Look::Program { in_refs: true })),
        ("", ".git/logs/refs/heads/config", F, Verdict::Look(Look::Config { in_refs: true })),
        ("", ".git/remotes/o", F, Verdict::Look(PROGRAM)),
        ("", ".git/branches/o", F, Verdict::Look(PROGRAM)),
        ("", ".git/modules/m/remotes/o", F, Verdict::Look(PROGRAM)),
        ("", ".git/modules/refs/remotes/o", F, Verdict::Look(Look::Program { in_refs: true })),
        ("", ".git/remotes/o", H, Verdict::Drop("it is another name of a file")),
        ("", ".git/refs/remotes/o/main", F, Verdict::Pass),
        ("", ".git/logs/refs/remotes/o/main", F, Verdict::Pass),
        ("", ".git/objects/ab/cd", F, Verdict::Pass),
        ("", ".git/HEAD", L(b"refs/heads/x"), Verdict::Pass),
        ("", ".git/HEAD", L(b"refs/../../x"), anywhere),
        ("", ".git/hooks", L(b"../evil"), anywhere),
        ("", ".git/modules", L(b"../evil"), anywhere),
        ("", ".git", L(b"evil"), elsewhere),
        ("", ".git", H, elsewhere),
        ("", ".git/config", H, Verdict::Drop("it is another name of a file")),
        ("", "a/b/.git", F, Verdict::Look(Look::Pointer(2))),
        ("", ".git/worktrees/x/commondir", F, Verdict::Look(Look::CommonDir)),
        ("", "a/.git/commondir", F, elsewhere),
        ("", ".git/x/commondir", F, elsewhere),
        (".git", "config", F, Verdict::Look(CONFIG)),
        (".git/hooks", "x", F, Verdict::Look(PROGRAM)),
        (".git/config", "", F, Verdict::Look(CONFIG)),
        ("a/b", ".git", F, Verdict::Look(Look::Pointer(0))),
    ] {
        assert_eq!(
            judge(root.as_bytes(), path.as_bytes(), node),
            verdict,
            "{root} {path} {node:?}"
        );
    }
}

#[test]
fn settings_are_kept_only_where_they_run_nothing() {
    let text = "[core]\n\tbare = false\n\tfsmonitor = touch x\n\thooksPath = h\n\tsshCommand = s\n\
                [include]\n\tpath = x\n\
                [remote \"o\"]\n\turl = https://example.org/a\n\tfetch = +a:b\n\
                \tuploadpack = x\n[remote \"e\"]\n\turl = ext::sh -c x\n\
                [branch \"m\"]\n\tremote = o\n\tmerge = refs/heads/m\n[filter \"f\"]\n\
                \tclean = x\n[alias]\n\tst = !x\n\
                [user]\n\tname = \"a # b\"\n";
    let Kept::Part(kept, why) = keep(CONFIG, text.as_bytes()) else {
        panic!("something is left out")
    };
    let names: Vec<_> = config::parse(&kept).unwrap().iter().map(Setting::name).collect();
    let expected = [
        "core.bare",
        "remote.o.url",
        "remote.o.fetch",
        "branch.m.remote",
        "branch.m.merge",
        "user.name",
    ]
    .map(str::to_owned);
    assert_eq!(names, expected);
    assert!(
        why.ends_with(
            "core.fsmonitor, core.hookspath, core.sshcommand, include.path, \
                       remote.o.uploadpack, 3 more"
        ),
        "{why}"
    );
    assert_eq!(keep(CONFIG, b"[core]\n\tbare = false\n"), Kept::Whole);
    assert_eq!(keep(CONFIG, b"[core\n"), Kept::Nothing("git would not read it"));
}

#[test]
fn a_remote_is_on_another_host() {
    for (url, is) in [
        ("https://example.org/a.git", true),
        ("git@example.org:a/b", true),
        ("ssh://git@example.org/a", true),
        ("ext::sh -c x", false),
        ("ssh::x", false),
        ("./evil", false),
        ("/tmp/evil", false),
        ("../a:b", false),
        ("file:///tmp/evil", false),
        ("-oProxyCommand=x:y", false),
        ("ssh://-oProxyCommand=x/y", false),
    ] {
        assert_eq!(is_remote(url.as_bytes()), is, "{url}");
    }
}

#[test]
fn branches_that_are_called_like_hooks_or_settings_stay() {
    let id = "0123456789abcdef0123456789abcdef01234567";
    let (config, program) = (Look::Config { in_refs: true }, Look::Program { in_refs: true });
    assert_eq!(keep(program, format!("{id}\n").as_bytes()), Kept::Whole);
    assert_eq!(keep(program, b"ref: refs/remotes/o/main\n"), Kept::Whole);
    assert_eq!(keep(config, format!("{id} {id} n <a@b> 1 +0000\tx\n").as_bytes()), Kept::Whole);
    for text in ["", "#!/bin/sh\n", &format!("{id}\n#!/bin/sh\n")] {
        assert_eq!(keep(program, text.as_bytes()), Kept::Nothing(RUNS), "{text}");
    }
    // A shell runs what has no first line of its own, and takes an id for the name of a
    // program.
    let text = format!("{id} {id} x; touch ran\n");
    assert_eq!(keep(PROGRAM, text.as_bytes()), Kept::Nothing(RUNS));
}

#[test]
fn a_branch_follows_only_a_remote_on_another_host() {
    let text = |remote: &str| {
        format!(
            "[remote \"o\"]\n\turl = https://example.org/a\n[remote \"e\"]\n\turl = ./evil\n\
             [remote \".\"]\n\turl = ./e\n[branch \"m\"]\n\tremote = {remote}\n\
             \tpushRemote = {remote}\n"
        )
    };
    for (remote, stays) in
        [("o", true), ("e", false), ("evil", false), (".", false), ("..", false), ("-x", false)]
    {
        let Kept::Part(kept, why) = keep(CONFIG, text(remote).as_bytes()) else {
            panic!("two addresses are left out")
        };
        let is_kept =
            config::parse(&kept).unwrap().iter().any(|setting| setting.section == "branch");
        assert_eq!(
            (is_kept, why.contains("branch.m.remote, branch.m.pushremote")),
            (stays, !stays),
            "{remote}: {why}"
        );
    }
}

#[test]
fn a_pointer_stays_in_what_is_exported() {
    for (text, depth, stays) in [
        ("gitdir: ../.git/modules/m\n", 1, true),
        ("gitdir: ../../.git/modules/a/b\n", 2, true),
        ("gitdir: ../.git/modules/m\n", 0, false),
        ("gitdir: ../data\n", 1, false),
        ("gitdir: ../.git/refs/x\n", 1, false),
        ("gitdir: ../.git/modules/../../evil\n", 1, false),
        ("gitdir: /workspace/.git/modules/m\n", 1, false),
        ("gitdir: ../.git/modules/m\nx", 1, false),
    ] {
        assert_eq!(keep(Look::Pointer(depth), text.as_bytes()) == Kept::Whole, stays, "{text}");
    }
}
