//! What git ignores in a tree: the rules of its repositories, asked of whoever holds the tree.
//!
//! The rules are those of the checkout: its `.gitignore` files and the `info/exclude` of its
//! repository. Those that belong to a user (`core.excludesFile`) are not read. A tracked file is
//! never ignored, and a repository inside another has its own rules.

pub mod guest;
pub mod host;

use pyro_patch::git::{Rules, Tracked};
use std::collections::HashMap;
use std::sync::Arc;

/// A directory's file of rules.
pub const GITIGNORE: &str = ".gitignore";

/// Most bytes of one file of rules; a longer one has none.
pub const RULES_LEN: u64 = 1024 * 1024;

/// Most bytes of an index; of a longer one nothing counts as tracked.
pub const INDEX_LEN: u64 = 256 << 20;

/// What is known of a repository.
#[derive(Debug, Default)]
pub struct Repository {
    /// Its `info/exclude`.
    pub exclude: Arc<Rules>,
    /// What its index names.
    pub tracked: Arc<Tracked>,
    /// Whether it has an index that could be read.
    pub is_indexed: bool,
}

/// A tree that rules are read from.
pub trait Files {
    /// The rules of a directory; none where it has no such file.
    fn rules(&mut self, directory: &[u8]) -> Rules;

    /// The repository that begins at a directory.
    fn repository(&mut self, directory: &[u8]) -> Option<Repository>;
}

/// The rules for a tree, read as they are needed.
#[derive(Debug)]
pub struct Ignored<F> {
    files: F,
    /// Where the tree begins, seen from where the rules do.
    root: Vec<u8>,
    /// Of each directory that was asked about.
    directories: HashMap<Vec<u8>, Arc<Directory>>,
    /// What the judging of paths may still cost.
    left: u64,
}

#[derive(Debug)]
struct Directory {
    /// Its path.
    path: Vec<u8>,
    /// Whether it, or one above it, is ignored.
    is_ignored: bool,
    rules: Rules,
    /// The one above it in its repository.
    above: Option<Arc<Directory>>,
    /// The repository that it belongs to.
    scope: Arc<Scope>,
}

impl Drop for Directory {
    /// One by one, for the same reason as they are made so.
    fn drop(&mut self) {
        let mut above = self.above.take();
        while let Some(one) = above {
            above = Arc::into_inner(one).and_then(|mut one| one.above.take());
        }
    }
}

#[derive(Debug)]
struct Scope {
    /// Where it begins.
    path: Vec<u8>,
    repository: Repository,
}

impl<F: Files> Ignored<F> {
    /// The rules that `files` have, for the tree that begins at `root` there. They are judged as
    /// long as `work` lasts, in comparisons of names; from then on nothing is ignored.
    pub fn new(files: F, root: &[u8], work: u64) -> Self {
        Self { files, root: root.to_vec(), directories: HashMap::new(), left: work }
    }

    /// Whether a path of the tree is ignored; what lies in an ignored directory is, a repository's
    /// own directory is not.
    pub fn is_ignored(&mut self, path: &[u8], is_dir: bool) -> bool {
        if path.is_empty() || path.split(|byte| *byte == b'/').any(|name| name == b".git") {
            return false;
        }
        let path = &self.seen(path);
        let above = self.directory(parent(path));
        let tracked = &above.scope.repository.tracked;
        let name = below(&above.scope.path, path);
        if tracked.has(name) || (is_dir && tracked.has_below(name)) {
            return false;
        }
        above.is_ignored || self.judge(path, is_dir, &above)
    }

    /// Whether the repository of a path has an index, so that it is known what it tracks.
    pub fn is_indexed(&mut self, path: &[u8]) -> bool {
        let path = self.seen(path);
        self.directory(parent(&path)).scope.repository.is_indexed
    }

    /// A path of the tree, seen from where the rules begin.
    fn seen(&self, path: &[u8]) -> Vec<u8> {
        if self.root.is_empty() {
            path.to_vec()
        } else {
            [&self.root, b"/".as_slice(), path].concat()
        }
    }

    /// Whether the rules were too much work, so that nothing was ignored any more.
    pub fn is_exhausted(&self) -> bool {
        self.left == 0
    }

    /// A directory and those above it. From the top on, one by one: a path may have thousands of
    /// parts.
    fn directory(&mut self, path: &[u8]) -> Arc<Directory> {
        let mut missing = Vec::new();
        let mut at = path;
        let mut known = loop {
            if let Some(known) = self.directories.get(at) {
                break Arc::clone(known);
            }
            if at.is_empty() {
                let repository = self.files.repository(b"").unwrap_or_default();
                let top = Arc::new(self.begin(b"", repository));
                self.directories.insert(Vec::new(), Arc::clone(&top));
                break top;
            }
            missing.push(at);
            at = parent(at);
        };
        for at in missing.into_iter().rev() {
            known = Arc::new(self.within(at, known));
            self.directories.insert(at.to_vec(), Arc::clone(&known));
        }
        known
    }

    /// A directory at which a repository begins: no rule from above holds in it.
    fn begin(&mut self, path: &[u8], repository: Repository) -> Directory {
        let scope = Arc::new(Scope { path: path.to_vec(), repository });
        Directory {
            path: path.to_vec(),
            is_ignored: false,
            rules: self.files.rules(path),
            above: None,
            scope,
        }
    }

    fn within(&mut self, path: &[u8], above: Arc<Directory>) -> Directory {
        // Whoever names a directory as the root wants what is in it.
        let holds_root =
            self.root.starts_with(path) && matches!(self.root.get(path.len()), None | Some(b'/'));
        let is_ignored = !holds_root && (above.is_ignored || self.judge(path, true, &above));
        let is_tracked = above.scope.repository.tracked.has(below(&above.scope.path, path));
        if (is_tracked || !is_ignored)
            && let Some(repository) = self.files.repository(path)
        {
            return self.begin(path, repository);
        }
        let rules = if is_ignored { Rules::default() } else { self.files.rules(path) };
        let scope = Arc::clone(&above.scope);
        Directory { path: path.to_vec(), is_ignored, rules, above: Some(above), scope }
    }

    /// The nearest rule that says anything decides.
    fn judge(&mut self, path: &[u8], is_dir: bool, above: &Arc<Directory>) -> bool {
        let mut directory = Some(above);
        while let Some(one) = directory {
            if let Some(ignored) = self.judge_by(&one.rules, &one.path, path, is_dir) {
                return ignored;
            }
            directory = one.above.as_ref();
        }
        let scope = &above.scope;
        self.judge_by(&scope.repository.exclude, &scope.path, path, is_dir).unwrap_or(false)
    }

    fn judge_by(&mut self, rules: &Rules, base: &[u8], path: &[u8], is_dir: bool) -> Option<bool> {
        self.left = self.left.saturating_sub(rules.cost(path.len()));
        if self.left == 0 { None } else { rules.judge(below(base, path), is_dir) }
    }
}

fn parent(path: &[u8]) -> &[u8] {
    path.iter().rposition(|byte| *byte == b'/').map_or(b"", |slash| &path[..slash])
}

/// A path seen from a directory above it.
fn below<'a>(base: &[u8], path: &'a [u8]) -> &'a [u8] {
    if base.is_empty() { path } else { path.get(base.len() + 1..).unwrap_or_default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every directory has the same rule.
    struct Everywhere;

    impl Files for Everywhere {
        fn rules(&mut self, _: &[u8]) -> Rules {
            Rules::parse(b"ignored\n")
        }

        fn repository(&mut self, _: &[u8]) -> Option<Repository> {
            None
        }
    }

    #[test]
    fn a_path_of_very_many_parts_needs_no_deep_stack() {
        let judge = || {
            let path = b"a/".repeat(2000);
            let mut rules = Ignored::new(Everywhere, b"", u64::MAX);
            let judged = rules.is_ignored(&[path.as_slice(), b"ignored"].concat(), false);
            // Those above go first, so that the last one holds them all.
            let last = rules.directory(&path[..path.len() - 1]);
            drop(rules);
            drop(last);
            judged
        };
        let thread = std::thread::Builder::new().stack_size(256 << 10).spawn(judge).unwrap();
        assert!(thread.join().unwrap());
    }
}
