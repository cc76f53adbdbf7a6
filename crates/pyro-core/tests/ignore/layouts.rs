//! Submodules, linked worktrees, and other ways to have a repository.

use crate::git::{carried_by_git, carried_by_us, git};
use pyro_core::HostPath;
use pyro_core::testing::ignored;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Make files, each with the content that is given.
fn write(root: &Path, files: &[(&str, &str)]) {
    for (path, text) in files {
        let at = root.join(path);
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        fs::write(at, text).unwrap();
    }
}

fn commit(root: &Path) {
    fs::create_dir_all(root).unwrap();
    git(root, &["init", "-q", "-b", "main"]);
    git(root, &["add", "-A", "-f"]);
    git(root, &["commit", "-qm", "x"]);
}

fn same(root: &Path) -> BTreeSet<String> {
    let (git, ours) = (carried_by_git(root), carried_by_us(root));
    assert_eq!(git, ours, "{}", root.display());
    ours.into_iter().map(|path| String::from_utf8(path).unwrap()).collect()
}

#[test]
fn a_submodule_has_its_own_rules_and_what_it_tracks() {
    let home = tempfile::tempdir().unwrap();
    let (sub, main) = (home.path().join("sub"), home.path().join("main"));
    write(&sub, &[("build/keep", ""), ("s", "")]);
    commit(&sub);
    write(&main, &[(".gitignore", "build\nvendor\nby-super\n")]);
    git(&main, &["init", "-q"]);
    let from = sub.to_str().unwrap();
    git(
        &main,
        &["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "-f", from, "vendor"],
    );
    write(
        &main,
        &[
            (".git/modules/vendor/info/exclude", "by-sub\n"),
            ("build/x", ""),
            ("vendor/by-sub", ""),
            ("vendor/by-super", ""),
        ],
    );
    let carried = same(&main);
    for (path, is_carried) in [
        ("vendor/build/keep", true),
        ("vendor/by-super", true),
        ("vendor/by-sub", false),
        ("build/x", false),
    ] {
        assert_eq!(carried.contains(path), is_carried, "{path}");
    }
    // Also where the submodule itself is what is carried.
    same(&main.join("vendor"));
}

#[test]
fn a_linked_worktree_has_the_excludes_of_its_repository_and_its_own_index() {
    let home = tempfile::tempdir().unwrap();
    let main = home.path().join("main");
    write(&main, &[("f", ""), (".gitignore", "*.o\n")]);
    commit(&main);
    write(&main, &[(".git/info/exclude", "secret.env\n")]);
    git(&main, &["worktree", "add", "-q", "../wt", "-b", "w"]);
    let linked = home.path().join("wt");
    write(&linked, &[("secret.env", ""), ("kept.o", ""), ("lost.o", "")]);
    git(&linked, &["add", "-f", "kept.o"]);
    let carried = same(&linked);
    assert!(
        carried.contains("kept.o")
            && !carried.contains("secret.env")
            && !carried.contains("lost.o"),
        "{carried:?}"
    );
    // A bare repository with worktrees.
    git(home.path(), &["clone", "-q", "--bare", "main", "bare"]);
    write(home.path(), &[("bare/info/exclude", "secret.env\n")]);
    git(&home.path().join("bare"), &["worktree", "add", "-q", "../of-bare", "main"]);
    write(&home.path().join("of-bare"), &[("secret.env", "")]);
    assert!(!same(&home.path().join("of-bare")).contains("secret.env"));
}

#[test]
fn what_was_granted_bounds_where_a_pointer_leads() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path().canonicalize().unwrap();
    write(&home.join("main"), &[("f", "")]);
    commit(&home.join("main"));
    write(&home, &[("main/.git/info/exclude", "secret\n")]);
    git(&home.join("main"), &["worktree", "add", "-q", "../granted/wt", "-b", "w"]);
    let linked = HostPath::judged(home.join("granted/wt"));
    let is_ignored = |path: HostPath| ignored(&path).is_ignored(b"secret", false);
    assert!(!is_ignored(linked.clone().granted(&[home.join("granted")])));
    assert!(is_ignored(linked.granted(std::slice::from_ref(&home))));
    assert!(
        is_ignored(home.join("granted/wt").into()),
        "a user's own path leads wherever git's does"
    );
}

#[test]
fn a_directory_of_a_checkout_is_carried_as_its_checkout_says() {
    let home = tempfile::tempdir().unwrap();
    let root = home.path();
    write(
        root,
        &[
            (".gitignore", "*.log\n/build/\n/sub/only\n"),
            ("sub/a.log", ""),
            ("sub/only", ""),
            ("sub/b", ""),
            ("sub/t.log", ""),
        ],
    );
    write(root, &[("build/x", ""), ("build/y.log", "")]);
    git(root, &["init", "-q"]);
    git(root, &["add", "-f", "sub/t.log"]);
    assert_eq!(same(&root.join("sub")), ["b", "t.log"].map(str::to_owned).into());
    // Whoever names an ignored directory wants it.
    assert_eq!(carried_by_us(&root.join("build")), [b"x".to_vec()].into());
}
