//! What git ignores in a checkout: the rules of its `.gitignore` files and of `.git/info/exclude`.
//!
//! Rules that belong to a user and not to the checkout (`core.excludesFile`) are not read.

use super::path::{HostPath, of_descriptor};
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use rustix::fs::OFlags;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A directory's file of rules.
const GITIGNORE: &str = ".gitignore";

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

/// A missing or malformed file has no rules, as for git.
fn rules(directory: &HostPath, name: &str) -> Gitignore {
    let mut builder = GitignoreBuilder::new(directory.as_path());
    if let Ok(file) = directory.join(OsStr::new(name)).open("read", OFlags::PATH) {
        let _ = builder.add(of_descriptor(&file));
    }
    builder.build().unwrap_or_else(|_| Gitignore::empty())
}

fn parent(path: &[u8]) -> &[u8] {
    path.iter().rposition(|byte| *byte == b'/').map_or(b"", |slash| &path[..slash])
}

#[cfg(test)]
mod tests {
    use super::Ignored;
    use std::fs;

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
