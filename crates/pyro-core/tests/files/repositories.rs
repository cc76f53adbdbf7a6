//! Repositories whose parts lie elsewhere on the host: git works in what is made of them, with the
//! host's gone.

use super::site::{Site, guest, within};
use pyro_core::HostPath;
use pyro_core::testing::guest::archive;
use pyro_core::testing::{Ignore, Source};
use pyro_protocol::TreePath;
use pyro_protocol::files::{Into, Unpack};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

fn git(root: &Path, args: &[&str]) -> String {
    let mut command = Command::new("git");
    // A hook of git's that runs these tests has told where its own repository is.
    for (name, _) in
        std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("GIT_"))
    {
        command.env_remove(name);
    }
    let output = command
        .args(["-c", "protocol.file.allow=always", "-c", "safe.directory=*"])
        .args(args)
        .current_dir(root)
        .stdin(Stdio::null())
        .envs([("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_NOSYSTEM", "1")])
        .envs([("GIT_AUTHOR_NAME", "n"), ("GIT_AUTHOR_EMAIL", "a@b")])
        .envs([("GIT_COMMITTER_NAME", "n"), ("GIT_COMMITTER_EMAIL", "a@b")])
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "git {args:?} in {}: {told}", root.display());
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn commit(root: &Path, name: &str) {
    fs::create_dir_all(root).unwrap();
    if !root.join(".git").exists() {
        git(root, &["init", "-q", "-b", "main"]);
    }
    fs::write(root.join(name), name).unwrap();
    git(root, &["add", "-A"]);
    git(root, &["commit", "-qm", name]);
}

/// Carry `host/from` into a tree of its own, which is returned, then take the host's away.
async fn carried(site: &Site, host: &Path, from: &str) -> (Source, std::path::PathBuf) {
    let source = Source::open(&HostPath::from(host.join(from)), Ignore::Carry).unwrap();
    source.check().unwrap();
    let inside = site.path(&format!("inside-{}", from.replace('/', "-")));
    let request = Unpack { into: Into::Empty(guest(&inside)), owners: false };
    let sending = source.clone();
    let sent = archive::unpack(site.stream().await, request, move |outlet| {
        sending.send(outlet, &TreePath::root())
    });
    within(sent).await.unwrap();
    (source, inside)
}

/// Git works in a tree, and has everything.
fn is_whole(root: &Path, log: &str) {
    assert_eq!(git(root, &["status", "--short"]), "", "{}", root.display());
    assert_eq!(git(root, &["log", "--format=%s"]), log, "{}", root.display());
    git(root, &["fsck", "--full", "--strict"]);
    fs::write(root.join("new"), "new").unwrap();
    git(root, &["add", "-A"]);
    git(root, &["commit", "-qm", "new"]);
}

#[tokio::test]
async fn a_linked_worktree_becomes_a_repository_of_its_own() {
    let site = Site::start().await;
    let host = site.path("host");
    commit(&host.join("main"), "one");
    git(&host.join("main"), &["worktree", "add", "-q", "../linked", "-b", "side"]);
    commit(&host.join("linked"), "two");
    commit(&host.join("main"), "three");
    // And one in the checkout that is carried itself, as tools for agents make them.
    git(&host.join("main"), &["worktree", "add", "-q", ".trees/inner", "-b", "inner"]);
    fs::write(host.join("main/.git/info/exclude"), ".trees\n").unwrap();
    let bare = host.join("bare.git");
    git(&host, &["clone", "-q", "--bare", "main", "bare.git"]);
    git(&bare, &["worktree", "add", "-q", "../of-bare", "main"]);
    let (_, linked) = carried(&site, &host, "linked").await;
    let (_, main) = carried(&site, &host, "main").await;
    let (_, of_bare) = carried(&site, &host, "of-bare").await;
    fs::rename(&host, site.path("gone")).unwrap();
    assert_eq!(git(&linked, &["branch", "--show-current"]), "side\n");
    is_whole(&linked, "two\none\n");
    is_whole(&main.join(".trees/inner"), "three\none\n");
    is_whole(&main, "three\none\n");
    is_whole(&of_bare, "three\none\n");
}

#[tokio::test]
async fn a_clone_that_borrows_objects_owns_them() {
    let site = Site::start().await;
    let host = site.path("host");
    commit(&host.join("far"), "one");
    git(&host, &["clone", "-q", "--shared", "far", "near"]);
    commit(&host.join("near"), "two");
    git(&host.join("near"), &["repack", "-qadl"]);
    git(&host, &["clone", "-q", "--shared", "near", "clone"]);
    commit(&host.join("clone"), "three");
    let (source, inside) = carried(&site, &host, "clone").await;
    assert_eq!(source.git_note(), None);
    fs::rename(&host, site.path("gone")).unwrap();
    assert!(!inside.join(".git/objects/info/alternates").exists());
    is_whole(&inside, "three\ntwo\none\n");
}

#[tokio::test]
async fn submodules_work_wherever_their_directory_is() {
    let site = Site::start().await;
    let host = site.path("host");
    commit(&host.join("sub"), "one");
    commit(&host.join("main"), "two");
    git(&host.join("main"), &["submodule", "--quiet", "add", "../sub", "m"]);
    commit(&host.join("main"), "three");
    git(&host.join("main"), &["worktree", "add", "-q", "../linked", "-b", "side"]);
    git(&host.join("linked"), &["submodule", "--quiet", "update", "--init"]);
    let mut trees = Vec::new();
    for from in ["main", "linked", "main/m"] {
        trees.push(carried(&site, &host, from).await.1);
    }
    fs::rename(&host, site.path("gone")).unwrap();
    is_whole(&trees[0].join("m"), "one\n");
    assert_eq!(git(&trees[0], &["status", "--short"]), " M m\n");
    is_whole(&trees[1].join("m"), "one\n");
    assert_eq!(git(&trees[1], &["log", "--format=%s"]), "three\ntwo\n");
    is_whole(&trees[2], "one\n");
}

#[tokio::test]
async fn what_a_push_compares_is_what_a_seed_made() {
    let site = Site::start().await;
    let host = site.path("host");
    commit(&host.join("main"), "one");
    git(&host.join("main"), &["worktree", "add", "-q", "../linked", "-b", "side"]);
    let (source, inside) = carried(&site, &host, "linked").await;
    let listed = source.list().unwrap();
    let paths: Vec<TreePath> = listed.iter().map(|entry| entry.path.clone()).collect();
    assert!(paths.is_sorted() && paths.windows(2).all(|two| two[0] != two[1]));
    let own = Source::open(&HostPath::from(inside), Ignore::Carry).unwrap();
    let there: Vec<TreePath> = own.list().unwrap().into_iter().map(|entry| entry.path).collect();
    assert_eq!(paths, there);
    assert_eq!(source.digests(&paths).unwrap(), own.digests(&paths).unwrap());
    // And what is sent of a list is the same, wherever it comes from.
    let again = site.path("again");
    let request = Unpack { into: Into::Empty(guest(&again)), owners: false };
    let sent = archive::unpack(site.stream().await, request, move |outlet| {
        source.send_listed(outlet, paths, &TreePath::root())
    });
    within(sent).await.unwrap();
    is_whole(&again, "one\n");
}

#[tokio::test]
async fn what_may_not_be_read_is_told() {
    let site = Site::start().await;
    let host = site.path("host").join("x");
    commit(&host.join("main"), "one");
    git(&host.join("main"), &["worktree", "add", "-q", "../granted/linked", "-b", "side"]);
    git(&host, &["clone", "-q", "--shared", "main", "granted/clone"]);
    let host = host.canonicalize().unwrap();
    let note = |path: HostPath| Source::open(&path, Ignore::Carry).unwrap().git_note();
    for name in ["linked", "clone"] {
        let path = host.join("granted").join(name);
        let told = note(HostPath::judged(path.clone()).granted(&[host.join("granted")])).unwrap();
        assert!(told.contains("may not read") || told.contains("may not be read"), "{told}");
        assert_eq!(note(HostPath::judged(path.clone()).granted(std::slice::from_ref(&host))), None);
        assert_eq!(note(HostPath::from(path)), None);
    }
    fs::rename(host.join("main"), host.join("gone")).unwrap();
    let told = note(HostPath::from(host.join("granted/linked"))).unwrap();
    assert!(told.contains("there is no repository"), "{told}");
}

#[tokio::test]
async fn a_checkout_takes_no_private_files_of_the_host_with_it() {
    let site = Site::start().await;
    let host = site.path("host").canonicalize().unwrap_or_else(|_| site.path("host"));
    commit(&host.join("private"), "secret");
    let objects = host.join("private/.git/objects");
    for name in ["id_ed25519", "ab/key", "pack/key", "pack/pack-x.key", "sub/pack/pack-1.pack"] {
        fs::create_dir_all(objects.join(name).parent().unwrap()).unwrap();
        fs::write(objects.join(name), "key").unwrap();
    }
    commit(&host.join("lent"), "one");
    fs::write(host.join("lent/.git/objects/info/alternates"), format!("{}\n", objects.display()))
        .unwrap();
    let source = Source::open(&HostPath::from(host.join("lent")), Ignore::Carry).unwrap();
    let listed: Vec<String> =
        source.list().unwrap().iter().map(|entry| entry.path.to_string()).collect();
    assert!(
        listed
            .iter()
            .all(|path| !path.contains("key") && !path.contains("id_") && !path.contains("sub")),
        "{listed:?}"
    );
    // What leads to a repository that does not know the checkout is not followed, by whatever way.
    for name in ["file", "link", "common"] {
        fs::create_dir_all(host.join(name)).unwrap();
    }
    let private = host.join("private/.git");
    fs::write(host.join("file/.git"), format!("gitdir: {}\n", private.display())).unwrap();
    std::os::unix::fs::symlink(&private, host.join("link/.git")).unwrap();
    fs::create_dir_all(host.join("common/own")).unwrap();
    for (file, text) in [
        (".git", "gitdir: own\n".to_owned()),
        ("own/HEAD", "ref: refs/heads/main\n".to_owned()),
        ("own/commondir", format!("{}\n", private.display())),
        ("own/gitdir", format!("{}\n", host.join("common/.git").display())),
    ] {
        fs::write(host.join("common").join(file), text).unwrap();
    }
    for name in ["file", "link", "common"] {
        let source = Source::open(&HostPath::from(host.join(name)), Ignore::Carry).unwrap();
        assert!(
            source.git_note().is_some_and(|note| note.contains("does not point back")),
            "{name}"
        );
        let listed = source.list().unwrap();
        assert!(
            listed.iter().all(|entry| !entry.path.to_string().contains("objects")),
            "{name}: {listed:?}"
        );
    }
    // Neither are settings of another repository read through a link.
    git(&host.join("lent"), &["worktree", "add", "-q", "../linked", "-b", "side"]);
    fs::rename(host.join("lent/.git/config"), host.join("config")).unwrap();
    std::os::unix::fs::symlink(private.join("config"), host.join("lent/.git/config")).unwrap();
    let source = Source::open(&HostPath::from(host.join("linked")), Ignore::Carry).unwrap();
    assert!(
        source.git_note().is_some_and(|note| note.contains("cannot be read")),
        "{:?}",
        source.git_note()
    );
}

#[tokio::test]
async fn a_lender_that_is_gone_is_told_and_nothing_is_refused() {
    let site = Site::start().await;
    let host = site.path("host");
    commit(&host.join("main"), "one");
    for (at, lender) in [("gone", "/nowhere/objects"), ("file", "../../one")] {
        git(&host, &["clone", "-q", "main", at]);
        fs::write(host.join(at).join(".git/objects/info/alternates"), format!("{lender}\n"))
            .unwrap();
        let source = Source::open(&HostPath::from(host.join(at)), Ignore::Carry).unwrap();
        assert!(
            source.git_note().is_some_and(|note| note.contains("may lack objects")),
            "{at}: {:?}",
            source.git_note()
        );
        source.check().unwrap();
        assert!(source.list().unwrap().iter().any(|entry| entry.path.as_bytes() == b"one"), "{at}");
    }
}

#[tokio::test]
async fn a_linked_worktree_that_is_ignored_gets_no_git_directory() {
    let site = Site::start().await;
    let host = site.path("host");
    commit(&host.join("main"), "one");
    git(&host.join("main"), &["worktree", "add", "-q", ".trees/new", "-b", "new"]);
    fs::write(host.join("main/.git/info/exclude"), ".trees\n").unwrap();
    let inner = |ignore| {
        let source = Source::open(&HostPath::from(host.join("main")), ignore).unwrap();
        let listed = source.list().unwrap();
        listed.iter().filter(|entry| entry.path.as_bytes().starts_with(b".trees/new/.git/")).count()
    };
    assert!(inner(Ignore::Carry) > 0);
    assert_eq!(inner(Ignore::LeaveOut), 0);
}

#[tokio::test]
async fn only_the_trees_own_files_are_on_its_file_system() {
    let site = Site::start().await;
    let host = site.path("host");
    commit(&host.join("main"), "one");
    git(&host.join("main"), &["worktree", "add", "-q", "../linked", "-b", "side"]);
    let source = Source::open(&HostPath::from(host.join("linked")), Ignore::Carry).unwrap();
    for entry in source.list().unwrap() {
        let is_put = entry.path.to_string().starts_with(".git");
        assert_eq!(source.is_own(&entry.path), !is_put, "{}", entry.path);
    }
}
