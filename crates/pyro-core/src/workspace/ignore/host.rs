//! The rules of a tree on the host.

use super::{Files, GITIGNORE, INDEX_LEN, Ignored, RULES_LEN, Repository};
use crate::host::path::HostPath;
use crate::workspace::git_dir::{GitDir, GitDirError};
use pyro_patch::git::{Index, Rules, Tracked};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// How much work a checkout's rules may make, in comparisons of names: hundreds of rules for each
/// of a million files.
const WORK: u64 = 20_000_000_000;

/// Files of the host below one directory. Whoever wrote them may have put anything in their place:
/// what is no regular file, or too long, has no rules and is not waited for.
#[derive(Debug)]
pub struct HostFiles {
    top: HostPath,
}

/// The rules for `root`, which may lie anywhere in a checkout.
#[must_use]
pub fn ignored(root: &HostPath) -> Ignored<HostFiles> {
    let root = root.canonical();
    let is_top = |directory: &&Path| !matches!(GitDir::find(&root.with(directory)), Ok(None));
    let top = root.as_path().ancestors().find(is_top).unwrap_or(root.as_path());
    let within = root.as_path().strip_prefix(top).unwrap_or(Path::new(""));
    Ignored::new(HostFiles { top: root.with(top) }, within.as_os_str().as_bytes(), WORK)
}

impl HostFiles {
    fn at(&self, directory: &[u8]) -> HostPath {
        if directory.is_empty() {
            self.top.clone()
        } else {
            self.top.join(OsStr::from_bytes(directory))
        }
    }
}

impl Files for HostFiles {
    fn rules(&mut self, directory: &[u8]) -> Rules {
        // Git follows no link here, so that a clone cannot name another file.
        let path = self.at(directory).join(OsStr::new(GITIGNORE));
        Rules::parse(&path.read_regular(RULES_LEN, false).unwrap_or_default())
    }

    fn repository(&mut self, directory: &[u8]) -> Option<Repository> {
        let found = match GitDir::find(&self.at(directory)) {
            Ok(found) => found?,
            // For git that is a directory like others.
            Err(GitDirError::Nowhere { .. }) => return None,
            Err(error @ GitDirError::NotGranted { .. }) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "a repository's own rules are not read"
                );
                return Some(Repository::default());
            }
        };
        let exclude = found.common.join(OsStr::new("info/exclude")).read_regular(RULES_LEN, true);
        let index = found.own.join(OsStr::new("index")).read_regular(INDEX_LEN, true);
        let parsed = index.as_deref().map(Index::parse);
        let is_indexed = matches!(parsed, Some(Some(_)));
        let tracked = match parsed {
            None => Tracked::default(),
            Some(None) => {
                tracing::warn!(path = %found.own.as_path().display(), "an index cannot be read: nothing counts as tracked");
                Tracked::default()
            }
            Some(Some(index)) => {
                let name = index.shared.as_ref().map(|id| format!("sharedindex.{id}"));
                let shared = name.and_then(|name| {
                    found.own.join(OsStr::new(&name)).read_regular(INDEX_LEN, true)
                });
                index.tracked(shared.and_then(|bytes| Index::parse(&bytes)))
            }
        };
        let exclude = Rules::parse(&exclude.unwrap_or_default());
        Some(Repository { exclude: exclude.into(), tracked: tracked.into(), is_indexed })
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "a test makes files")]
mod tests {
    use super::*;
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
        fs::write(dir.path().join("odd/.gitignore"), b"\xef\xbb\xbffirst\r\n\xff\n[\nlast")
            .unwrap();
        let (done, waited) = mpsc::channel();
        let root = dir.path().to_owned();
        std::thread::spawn(move || {
            let mut rules = ignored(&root.as_path().into());
            let mut is_ignored = |path: &[u8]| rules.is_ignored(path, false);
            done.send([
                is_ignored(b"a.log"),
                is_ignored(b"sub/a"),
                is_ignored(b"odd/first"),
                is_ignored(b"odd/last"),
            ])
        });
        let judged =
            waited.recv_timeout(Duration::from_secs(60)).expect("nobody writes to the pipe");
        assert_eq!(judged, [false, false, true, true]);
        long.set_len(RULES_LEN).unwrap();
        assert!(ignored(&dir.path().into()).is_ignored(b"a.log", false), "what fits is read");
    }

    #[test]
    fn the_nearest_rule_decides_as_for_git() {
        let dir = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        for name in ["objects", "refs"] {
            fs::create_dir_all(dir.path().join(".git").join(name)).unwrap();
        }
        write(".git/HEAD", "ref: refs/heads/main\n");
        write(".git/info/exclude", "private\n");
        write(".gitignore", "*.log\n/build/\nsub/only\n");
        write("sub/.gitignore", "!keep.log\n");
        let mut rules = ignored(&dir.path().into());
        for (path, is_dir, is_ignored) in [
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
            assert_eq!(rules.is_ignored(path.as_bytes(), is_dir), is_ignored, "{path}");
        }
        let mut below = ignored(&dir.path().join("sub").as_path().into());
        assert!(below.is_ignored(b"a.log", false) && !below.is_ignored(b"keep.log", false));
        assert!(below.is_ignored(b"only", false) && below.is_ignored(b"private", true));
    }
}
