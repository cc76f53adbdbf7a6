//! Where a link of a workspace leads: found name by name, never out of `/workspace`.

use crate::guest::tree;
use crate::workspace::error::WorkspaceError;
use crate::workspace::file_error::FileError;
use crate::workspace::paths::ROOT;
use crate::workspace::place::WorkspacePath;
use crate::workspace::running::Running;
use pyro_protocol::TreePath;
use pyro_protocol::tree::Kind;
use std::collections::VecDeque;

/// Links on one way, as many as the kernel follows (path_resolution(7)).
const MAX_LINKS: usize = 40;

/// Names that one way may have in all.
const MAX_NAMES: usize = 1000;

/// The file or directory that `path` leads to when every link on the way is followed.
///
/// # Errors
/// [`FileError::Outside`] for a way out of the workspace, [`FileError::Links`] for one without an
/// end.
pub(super) async fn follow(
    running: &Running<'_>,
    path: &WorkspacePath,
) -> Result<WorkspacePath, WorkspaceError> {
    let mut way = Way::new(path);
    while let Some(next) = way.next()? {
        let stat = tree::stat(running.files().await?, next.guest(), false)
            .await
            .map_err(WorkspaceError::Guest)?;
        match stat.meta.kind {
            Kind::Symlink => way.link(&stat.target)?,
            _ => way.enter(&next),
        }
    }
    Ok(WorkspacePath::root().join(&way.here))
}

/// A way through the workspace.
struct Way {
    /// As it was asked for.
    begin: String,
    /// Where it has led so far; no part of it is a link.
    here: TreePath,
    /// Names that are left.
    names: VecDeque<Vec<u8>>,
    links: usize,
    taken: usize,
}

impl Way {
    fn new(path: &WorkspacePath) -> Self {
        let names = names(path.tree().as_bytes()).collect();
        Self { begin: path.to_text(), here: TreePath::root(), names, links: 0, taken: 0 }
    }

    /// The next node to look at; none at the end.
    fn next(&mut self) -> Result<Option<WorkspacePath>, FileError> {
        while let Some(name) = self.names.pop_front() {
            self.taken += 1;
            if self.taken > MAX_NAMES {
                return Err(FileError::Links(self.begin.clone()));
            }
            if name == b".." {
                let Some((above, _)) = self.here.split() else {
                    return Err(FileError::Outside(self.begin.clone()));
                };
                self.here = TreePath::parse(above).unwrap_or_default();
                continue;
            }
            let below =
                TreePath::parse(&name).map_err(|_| FileError::Outside(self.begin.clone()))?;
            return Ok(Some(WorkspacePath::root().join(&self.here).join(&below)));
        }
        Ok(None)
    }

    /// The node is no link.
    fn enter(&mut self, node: &WorkspacePath) {
        self.here = node.tree().clone();
    }

    /// The node is a link to `target`: its names come before those that are left.
    fn link(&mut self, target: &[u8]) -> Result<(), FileError> {
        self.links += 1;
        if self.links > MAX_LINKS {
            return Err(FileError::Links(self.begin.clone()));
        }
        let mut to: Vec<Vec<u8>> = names(target).collect();
        if target.starts_with(b"/") {
            if to.first().is_none_or(|first| *first != ROOT.as_bytes()[1..]) {
                return Err(FileError::Outside(self.begin.clone()));
            }
            to.remove(0);
            self.here = TreePath::root();
        }
        for name in to.into_iter().rev() {
            self.names.push_front(name);
        }
        Ok(())
    }
}

fn names(path: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    path.split(|byte| *byte == b'/').filter(|name| !matches!(*name, b"" | b".")).map(<[u8]>::to_vec)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Follow `path` among links, given as name and target; everything else is a directory or a
    /// file.
    fn led(path: &str, links: &[(&str, &str)]) -> Result<String, String> {
        let mut way = Way::new(&WorkspacePath::parse(path.as_bytes()).unwrap());
        let mut walk = || {
            while let Some(next) = way.next()? {
                let target = links.iter().find(|(name, _)| next.tree().to_string() == *name);
                match target {
                    Some((_, target)) => way.link(target.as_bytes())?,
                    None => way.enter(&next),
                }
            }
            Ok::<_, FileError>(way.here.to_string())
        };
        walk().map_err(|error| error.to_string())
    }

    #[test]
    fn links_are_followed_within_the_workspace() {
        let links = [
            ("a", "d/f"),
            ("d/up", "../x"),
            ("abs", "/workspace/d"),
            ("chain", "./a"),
            ("here", "."),
            ("e", "/workspace"),
        ];
        for (path, expected) in [
            ("a", "d/f"),
            ("d/up", "x"),
            ("abs/f", "d/f"),
            ("abs/up", "x"),
            ("chain", "d/f"),
            ("here/here/a", "d/f"),
            ("e/e/x", "x"),
            ("plain/file", "plain/file"),
        ] {
            assert_eq!(led(path, &links).as_deref(), Ok(expected), "{path}");
        }
    }

    #[test]
    fn ways_out_and_ways_without_end_are_refused() {
        let links = [
            ("a", "../etc/passwd"),
            ("b", "/etc/passwd"),
            ("c", "/workspace/../etc"),
            ("d", "/workspacex"),
            ("e", "/"),
            ("f", "sub/../../x"),
        ];
        for (path, _) in links {
            let told = led(path, &links).unwrap_err();
            assert!(told.contains("leads out of the workspace"), "{path}: {told}");
        }
        for links in [[("x", "x")], [("x", "y/../x/z")]] {
            assert!(led("x", &links).unwrap_err().contains("too many links"), "{links:?}");
        }
    }
}
