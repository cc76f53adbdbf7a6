//! `BareRepositories`: directories of an export that git would take for repositories, though none
//! of them is called `.git`.

use super::inert::{self, Node, Verdict};
use std::collections::HashSet;

/// Most bytes of paths that are kept in memory.
const MAX_LEN: usize = 64 << 20;

/// What git takes for a repository has a `HEAD`. A walk comes to that before it comes to settings
/// and hooks; where it does not, the `HEAD` is left out.
#[derive(Debug, Default)]
pub struct BareRepositories {
    /// Directories with a `HEAD`.
    heads: HashSet<Vec<u8>>,
    /// Directories whose settings or hooks have passed.
    passed: HashSet<Vec<u8>>,
    len: usize,
}

impl BareRepositories {
    /// Judge a node that lies in no `.git`; none where it does not matter for a repository.
    pub fn judge(&mut self, path: &[u8], node: Node<'_>) -> Option<Verdict> {
        if node == Node::Directory
            || path.split(|byte| *byte == b'/').any(|name| name.eq_ignore_ascii_case(b".git"))
        {
            return None;
        }
        let (directory, name) = split(path);
        if name == b"HEAD" {
            if self.len > MAX_LEN || self.passed.contains(directory) {
                return Some(Verdict::Drop(
                    "it would make a repository of a directory that was not looked at as one",
                ));
            }
            Self::keep(&mut self.heads, &mut self.len, directory);
            return None;
        }
        let is_named = matches!(name, b"config" | b"config.worktree" | b"commondir" | b"hooks");
        let mut at = directory;
        let mut above = is_named.then_some(directory).into_iter().collect::<Vec<_>>();
        while !at.is_empty() {
            let (parent, name) = split(at);
            above.extend((name == b"hooks").then_some(parent));
            at = parent;
        }
        for directory in above {
            if self.heads.contains(directory) {
                let below = if directory.is_empty() { path } else { &path[directory.len() + 1..] };
                return Some(inert::judge(b".git", below, node));
            }
            if self.len <= MAX_LEN {
                Self::keep(&mut self.passed, &mut self.len, directory);
            }
        }
        None
    }

    fn keep(set: &mut HashSet<Vec<u8>>, len: &mut usize, path: &[u8]) {
        if set.insert(path.to_vec()) {
            *len += path.len() + size_of::<Vec<u8>>();
        }
    }
}

/// A path's directory, and its last name.
fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (b"", path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::inert::Look;

    #[test]
    fn settings_and_hooks_beside_a_head_are_looked_at() {
        use Node::{Directory as D, File as F, Symlink as L};
        let config = Some(Verdict::Look(Look::Config { in_refs: false }));
        let program = Some(Verdict::Look(Look::Program { in_refs: false }));
        let mut bare = BareRepositories::default();
        for (path, node, verdict) in [
            ("HEAD", F, None),
            ("config", F, config),
            ("src/config", F, None),
            ("src/hooks/use.ts", F, None),
            ("b/HEAD", F, None),
            ("b/config", F, config),
            ("b/config.worktree", F, config),
            (
                "b/commondir",
                F,
                Some(Verdict::Drop("it would lead git on the host to settings elsewhere")),
            ),
            ("b/hooks", D, None),
            ("b/hooks/post-checkout", F, program),
            ("b/hooks/x.sample", F, Some(Verdict::Pass)),
            ("b/objects/ab/cd", F, None),
            ("b/.git/config", F, None),
        ] {
            assert_eq!(bare.judge(path.as_bytes(), node), verdict, "{path}");
        }
        assert!(matches!(bare.judge(b"b/hooks", L(b"../evil")), Some(Verdict::Drop(_))));
    }

    #[test]
    fn a_head_that_comes_too_late_makes_no_repository() {
        let mut bare = BareRepositories::default();
        for path in ["b/config", "c/hooks/x", "d/hooks"] {
            let node = if path == "d/hooks" { Node::Symlink(b"x") } else { Node::File };
            assert_eq!(bare.judge(path.as_bytes(), node), None, "{path}");
        }
        for directory in ["b", "c", "d"] {
            let verdict = bare.judge(format!("{directory}/HEAD").as_bytes(), Node::File);
            assert!(matches!(verdict, Some(Verdict::Drop(_))), "{directory}");
        }
        bare.len = MAX_LEN + 1;
        assert!(
            matches!(bare.judge(b"e/HEAD", Node::File), Some(Verdict::Drop(_))),
            "nothing more is kept"
        );
    }
}
