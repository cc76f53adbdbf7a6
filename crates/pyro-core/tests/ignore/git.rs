//! What git, and what pyro, would carry of a tree.

use pyro_core::testing::ignored;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, Stdio};

pub(crate) fn git(root: &Path, args: &[&str]) -> Vec<u8> {
    let mut command = Command::new("git");
    // A hook of git's that runs these tests has told where its own repository is.
    for (name, _) in
        std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("GIT_"))
    {
        command.env_remove(name);
    }
    let output = command
        .args(args)
        .current_dir(root)
        .stdin(Stdio::null())
        .envs([
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("HOME", "/nonexistent"),
        ])
        .envs([("GIT_AUTHOR_NAME", "n"), ("GIT_AUTHOR_EMAIL", "a@b")])
        .envs([("GIT_COMMITTER_NAME", "n"), ("GIT_COMMITTER_EMAIL", "a@b")])
        .env_remove("XDG_CONFIG_HOME")
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "git {args:?} in {}: {}",
        root.display(),
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

/// Make a repository as `git init` does, without a process.
pub(crate) fn init(root: &Path, sha256: bool) {
    for name in ["objects", "refs/heads", "info"] {
        fs::create_dir_all(root.join(".git").join(name)).unwrap();
    }
    fs::write(root.join(".git/HEAD"), "ref: refs/heads/main\n").unwrap();
    let config = match sha256 {
        true => "[core]\n\trepositoryformatversion = 1\n[extensions]\n\tobjectformat = sha256\n",
        false => "[core]\n\trepositoryformatversion = 0\n",
    };
    fs::write(root.join(".git/config"), config).unwrap();
}

/// Files that are tracked, or that no rule ignores, also of repositories in this one.
pub(crate) fn carried_by_git(root: &Path) -> BTreeSet<Vec<u8>> {
    let listed = git(root, &["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let mut carried = BTreeSet::new();
    for name in listed.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let inner = root.join(OsStr::from_bytes(name.strip_suffix(b"/").unwrap_or(name)));
        if inner.is_dir() && !inner.is_symlink() {
            let above = name.strip_suffix(b"/").unwrap_or(name);
            carried.extend(carried_by_git(&inner).iter().map(|path| [above, b"/", path].concat()));
        } else if inner.symlink_metadata().is_ok() {
            carried.insert(name.to_vec());
        }
    }
    carried
}

pub(crate) fn carried_by_us(root: &Path) -> BTreeSet<Vec<u8>> {
    let mut rules = ignored(&root.into());
    let mut carried = BTreeSet::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let (entry, at) =
                entry.map(|entry| (entry.file_type().unwrap(), entry.path())).unwrap();
            let path = at.strip_prefix(root).unwrap().as_os_str().as_bytes();
            if at.file_name() == Some(OsStr::new(".git")) || rules.is_ignored(path, entry.is_dir())
            {
                continue;
            }
            match entry.is_dir() {
                true => directories.push(at),
                false => drop(carried.insert(path.to_vec())),
            }
        }
    }
    carried
}
