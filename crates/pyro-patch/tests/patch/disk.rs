//! Trees on the disk, and git in them.

use super::trees::Tree;
use pyro_patch::TreePath;
use pyro_patch::{Content, Side};
use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// A directory for trees, in memory where the host has some for files: there are thousands of them.
pub(crate) fn scratch() -> tempfile::TempDir {
    let in_memory = Path::new("/dev/shm");
    let beside = if in_memory.is_dir() { in_memory.to_path_buf() } else { std::env::temp_dir() };
    tempfile::tempdir_in(&beside).or_else(|_| tempfile::tempdir()).unwrap()
}

pub(crate) fn write(tree: &Tree, root: &Path) {
    for (path, side) in tree {
        let at = root.join(OsStr::from_bytes(path.as_bytes()));
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        match side {
            Side::File { mode, content: Content::Held(bytes) } => {
                fs::write(&at, bytes).unwrap();
                fs::set_permissions(&at, fs::Permissions::from_mode(*mode)).unwrap();
            }
            Side::Symlink { target } => symlink(OsStr::from_bytes(target), &at).unwrap(),
            other => panic!("{other:?}"),
        }
    }
}

/// The tree on the disk, without `.git`; modes as git keeps them.
pub(crate) fn read(root: &Path) -> Tree {
    let mut tree = Tree::new();
    let mut directories = vec![root.to_path_buf()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let at = entry.unwrap().path();
            let kind = at.symlink_metadata().unwrap();
            let path = at.strip_prefix(root).unwrap().as_os_str().as_bytes();
            if path == b".git" {
            } else if kind.is_dir() {
                directories.push(at);
            } else if kind.is_symlink() {
                let target = fs::read_link(&at).unwrap();
                tree.insert(
                    TreePath::parse(path).unwrap(),
                    Side::symlink(target.as_os_str().as_bytes()),
                );
            } else {
                let mode = if kind.permissions().mode() & 0o100 == 0 { 0o644 } else { 0o755 };
                tree.insert(
                    TreePath::parse(path).unwrap(),
                    Side::file(mode, fs::read(&at).unwrap()),
                );
            }
        }
    }
    tree
}

/// Remove everything but `.git`.
pub(crate) fn clear(root: &Path) {
    for entry in fs::read_dir(root).unwrap() {
        let at = entry.unwrap().path();
        if at.symlink_metadata().unwrap().is_dir() {
            if at.file_name() != Some(OsStr::new(".git")) {
                fs::remove_dir_all(at).unwrap();
            }
        } else {
            fs::remove_file(at).unwrap();
        }
    }
}

pub(crate) fn git(root: &Path, arguments: &[&str], input: &[u8]) -> Output {
    run(
        Command::new("git").args([
            "-c",
            "core.autocrlf=false",
            "-c",
            "user.name=t",
            "-c",
            "user.email=t@t",
        ]),
        root,
        arguments,
        input,
    )
}

pub(crate) fn run(command: &mut Command, root: &Path, arguments: &[&str], input: &[u8]) -> Output {
    let mut child = command
        .args(arguments)
        .current_dir(root)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CEILING_DIRECTORIES", root.parent().unwrap())
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    std::thread::scope(|scope| {
        // git may stop reading once it knows enough.
        scope.spawn(move || _ = stdin.write_all(input));
        child.wait_with_output().unwrap()
    })
}

/// git, which must succeed.
pub(crate) fn git_ok(root: &Path, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let output = git(root, arguments, input);
    assert!(
        output.status.success(),
        "git {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}
