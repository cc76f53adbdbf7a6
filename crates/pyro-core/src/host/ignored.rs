//! What git ignores in a checkout: the rules of its `.gitignore` files and of `.git/info/exclude`.
//!
//! Rules that belong to a user and not to the checkout (`core.excludesFile`) are not read.

use super::fs::read_to_bound;
use super::path::HostPath;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use rustix::fs::OFlags;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A directory's file of rules.
const GITIGNORE: &str = ".gitignore";

/// Most bytes of one file of rules.
const RULES_LEN: u64 = 1024 * 1024;

/// The rules for the tree below one directory, read as they are needed.
#[derive(Debug)]
pub struct Ignored {
    root: HostPath,
    /// Rules from above the root, the farthest first.
    above: Vec<Gitignore>,
    /// Of each directory of the tree that was asked about.
    directories: HashMap<Vec<u8>, Arc<Directory>>,
}

#[derive(Debug)]
struct Directory {
    /// Whether it, or one above it, is ignored.
    is_ignored: bool,
    rules: Gitignore,
    above: Option<Arc<Directory>>,
}

impl Ignored {
    /// The rules for `root`, which may lie anywhere in a checkout.
    #[must_use]
    pub fn new(root: &HostPath) -> Self {
        let root = root.canonical();
        let is_top = |directory: &&Path| std::fs::symlink_metadata(directory.join(".git")).is_ok();
        let mut above = Vec::new();
        if let Some(top) = root.as_path().ancestors().find(is_top) {
            above.push(rules(&root.with(top), ".git/info/exclude"));
            let between = root.as_path().ancestors().skip(1).take_while(|path| path.starts_with(top));
            let between: Vec<&Path> = between.collect();
            above.extend(between.into_iter().rev().map(|directory| rules(&root.with(directory), GITIGNORE)));
        }
        Self { root, above, directories: HashMap::new() }
    }

    /// Whether a path of the tree is ignored; what lies in an ignored directory is, a repository's own directory is not.
    pub fn is_ignored(&mut self, path: &[u8], is_dir: bool) -> bool {
        if path.is_empty() || path.split(|byte| *byte == b'/').any(|name| name == b".git") {
            return false;
        }
        let above = self.directory(parent(path));
        above.is_ignored || self.judge(path, is_dir, Some(&above))
    }

    fn directory(&mut self, path: &[u8]) -> Arc<Directory> {
        if let Some(known) = self.directories.get(path) {
            return Arc::clone(known);
        }
        let above = (!path.is_empty()).then(|| self.directory(parent(path)));
        let is_ignored = match &above {
            Some(above) => above.is_ignored || self.judge(path, true, Some(above)),
            None => false,
        };
        let rules = if is_ignored { Gitignore::empty() } else { rules(&self.root.with(&self.full(path)), GITIGNORE) };
        let directory = Arc::new(Directory { is_ignored, rules, above });
        self.directories.insert(path.to_vec(), Arc::clone(&directory));
        directory
    }

    /// The nearest rule that says anything decides.
    fn judge(&self, path: &[u8], is_dir: bool, above: Option<&Arc<Directory>>) -> bool {
        let full = self.full(path);
        let within = std::iter::successors(above, |directory| directory.above.as_ref()).map(|above| &above.rules);
        for rules in within.chain(self.above.iter().rev()) {
            let found = rules.matched(&full, is_dir);
            if !found.is_none() {
                return found.is_ignore();
            }
        }
        false
    }

    fn full(&self, path: &[u8]) -> PathBuf {
        let root = self.root.as_path();
        if path.is_empty() { root.to_owned() } else { root.join(OsStr::from_bytes(path)) }
    }
}

/// A file that is missing, malformed, too long or none has no rules, as for git.
fn rules(directory: &HostPath, name: &str) -> Gitignore {
    let mut builder = GitignoreBuilder::new(directory.as_path());
    let text = text(&directory.join(OsStr::new(name))).unwrap_or_default();
    for line in text.strip_prefix('\u{feff}').unwrap_or(&text).lines() {
        // A line that is no rule leaves the others as they are.
        let _ = builder.add_line(None, line);
    }
    builder.build().unwrap_or_else(|_| Gitignore::empty())
}

/// What a file of rules says; whoever wrote the tree may have put anything in its place.
fn text(path: &HostPath) -> Option<String> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = File::from(path.open("read", flags).ok()?);
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    match read_to_bound(file, RULES_LEN) {
        Ok(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) => {
            tracing::warn!(path = %path.as_path().display(), %error, "no rules are taken from a file");
            None
        }
    }
}

fn parent(path: &[u8]) -> &[u8] {
    path.iter().rposition(|byte| *byte == b'/').map_or(b"", |slash| &path[..slash])
}

#[cfg(test)]
mod tests {
    use super::{Ignored, RULES_LEN};
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    use std::fs;
    use std::sync::mpsc;
    use std::time::Duration;

    #[test]
    fn what_is_too_long_or_no_file_has_no_rules_and_is_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let long = fs::File::create(dir.path().join(".gitignore")).unwrap();
        std::io::Write::write_all(&mut &long, b"*.log\n").unwrap();
        long.set_len(RULES_LEN + 1).unwrap();
        for name in ["sub", "odd"] {
            fs::create_dir(dir.path().join(name)).unwrap();
        }
        let pipe = dir.path().join("sub/.gitignore");
        mknodat(CWD, &pipe, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
        fs::write(dir.path().join("odd/.gitignore"), b"\xef\xbb\xbffirst\r\n\xff\n[\nlast").unwrap();
        let (done, waited) = mpsc::channel();
        let root = dir.path().to_owned();
        std::thread::spawn(move || {
            let mut rules = Ignored::new(&root.as_path().into());
            let mut is_ignored = |path: &[u8]| rules.is_ignored(path, false);
            done.send([is_ignored(b"a.log"), is_ignored(b"sub/a"), is_ignored(b"odd/first"), is_ignored(b"odd/last")])
        });
        let judged = waited.recv_timeout(Duration::from_secs(60)).expect("nobody writes to the pipe");
        assert_eq!(judged, [false, false, true, true]);
        long.set_len(RULES_LEN).unwrap();
        assert!(Ignored::new(&dir.path().into()).is_ignored(b"a.log", false), "what fits is read");
    }

    #[test]
    fn the_nearest_rule_decides_as_for_git() {
        let dir = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write(".git/info/exclude", "private\n");
        write(".gitignore", "*.log\n/build/\nsub/only\n");
        write("sub/.gitignore", "!keep.log\n");
        let mut rules = Ignored::new(&dir.path().into());
        for (path, is_dir, ignored) in [
            ("a.log", false, true),
            ("x/a.log", false, true),
            ("sub/keep.log", false, false),
            ("sub/only", false, true),
            ("build", true, true),
            ("build", false, false),
            ("build/deep/er", false, true),
            ("x/build", true, false),
            ("private", false, true),
            (".git/a.log", false, false),
            ("", true, false),
        ] {
            assert_eq!(rules.is_ignored(path.as_bytes(), is_dir), ignored, "{path}");
        }
        let mut below = Ignored::new(&dir.path().join("sub").into());
        assert!(below.is_ignored(b"a.log", false) && !below.is_ignored(b"keep.log", false));
        assert!(below.is_ignored(b"only", false) && below.is_ignored(b"private", true));
    }
}
