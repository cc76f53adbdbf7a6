//! The guard over an export: nothing comes to the host that makes git there run a guest's programs.

use pyro_patch::git::BareRepositories;
use pyro_patch::git::inert::{self, Kept, Look, Node, Verdict};
use pyro_protocol::TreePath;
use pyro_protocol::tree::{Kind, Meta, Record};
use std::collections::HashSet;

/// Longest file that is looked at, in bytes; a longer one is left out.
const MAX_LEN: usize = 1 << 20;

/// Paths that are named; more are counted.
const MAX_NAMED: usize = 1000;

/// What stands between a guest's stream and what is made of it.
#[derive(Debug)]
pub struct GitGuard {
    /// Path of what is exported.
    root: Vec<u8>,
    /// Whether it lets everything pass.
    is_off: bool,
    state: State,
    /// Files with other names that did not pass as they were.
    altered: HashSet<Vec<u8>>,
    named: Vec<(TreePath, String)>,
    count: u64,
    bare: BareRepositories,
}

#[derive(Debug)]
enum State {
    Pass,
    Drop,
    Held { path: Vec<u8>, meta: Meta, look: Look, text: Vec<u8> },
}

impl GitGuard {
    /// A guard for what is at `root`, relative to the workspace. With `keep` everything passes.
    #[must_use]
    pub fn new(root: &TreePath, keep: bool) -> Self {
        Self {
            root: root.as_bytes().to_vec(),
            is_off: keep,
            state: State::Pass,
            altered: HashSet::new(),
            named: Vec::new(),
            count: 0,
            bare: BareRepositories::default(),
        }
    }

    /// The first thousand that did not pass as they were, each with the reason, and how many there
    /// are in all.
    #[must_use]
    pub fn told(self) -> (Vec<(TreePath, String)>, u64) {
        (self.named, self.count)
    }

    /// Take a record and hand on what may pass.
    ///
    /// # Errors
    /// What `out` answers.
    pub fn put<E>(
        &mut self,
        record: &Record<'_>,
        out: &mut dyn FnMut(&Record<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.is_off {
            return out(record);
        }
        match record {
            Record::Entry { path, meta, target } => self.entry(path, meta, target, record, out),
            Record::Data { offset, bytes } => {
                match &mut self.state {
                    State::Pass => return out(record),
                    State::Drop => {}
                    State::Held { path, text, .. } => {
                        let end = usize::try_from(*offset)
                            .unwrap_or(usize::MAX)
                            .saturating_add(bytes.len());
                        if end > MAX_LEN || end < text.len() + bytes.len() {
                            let path = std::mem::take(path);
                            self.leave_out(
                                &path,
                                "git would read it, and it is too long to be looked at",
                            );
                        } else {
                            // What is skipped is a hole.
                            text.resize(end - bytes.len(), 0);
                            text.extend_from_slice(bytes);
                        }
                    }
                }
                Ok(())
            }
            Record::End { size, changed, errno } => {
                match std::mem::replace(&mut self.state, State::Pass) {
                    State::Pass => out(record),
                    State::Drop => Ok(()),
                    State::Held { path, meta, look, text } => {
                        if *size > MAX_LEN as u64 {
                            self.leave_out(
                                &path,
                                "git would read it, and it is too long to be looked at",
                            );
                            self.state = State::Pass;
                            return Ok(());
                        }
                        let mut text = text;
                        text.resize(usize::try_from(*size).unwrap_or(MAX_LEN), 0);
                        self.decide(&path, meta, look, text, (*changed, *errno), out)
                    }
                }
            }
            _ => out(record),
        }
    }

    fn entry<E>(
        &mut self,
        path: &[u8],
        meta: &Meta,
        target: &[u8],
        record: &Record<'_>,
        out: &mut dyn FnMut(&Record<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.state = State::Pass;
        let node = match meta.kind {
            Kind::Directory => Node::Directory,
            Kind::File => Node::File,
            Kind::Symlink => Node::Symlink(target),
            Kind::HardLink => Node::HardLink,
            _ => return out(record),
        };
        let verdict =
            self.bare.judge(path, node).unwrap_or_else(|| inert::judge(&self.root, path, node));
        match verdict {
            _ if node == Node::HardLink && self.altered.contains(target) => {
                self.leave_out(path, "it is another name of a file that was left out or changed");
                self.state = State::Pass;
                Ok(())
            }
            Verdict::Pass => out(record),
            Verdict::Look(look) if meta.errno == 0 => {
                self.state =
                    State::Held { path: path.to_vec(), meta: *meta, look, text: Vec::new() };
                Ok(())
            }
            Verdict::Look(_) => out(record),
            Verdict::Drop(why) => {
                self.leave_out(path, why);
                if meta.kind != Kind::File {
                    self.state = State::Pass;
                }
                Ok(())
            }
        }
    }

    fn decide<E>(
        &mut self,
        path: &[u8],
        meta: Meta,
        look: Look,
        text: Vec<u8>,
        (changed, errno): (bool, u16),
        out: &mut dyn FnMut(&Record<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        // Whatever it is called, and whatever it holds, nothing of this is a program.
        let (text, mode) = match inert::keep(look, &text) {
            Kept::Whole => (text, meta.mode & !0o111),
            Kept::Part(text, why) => {
                self.altered.insert(path.to_vec());
                self.tell(path, why);
                (text, meta.mode & !0o111)
            }
            Kept::Nothing(why) => {
                self.leave_out(path, why);
                self.state = State::Pass;
                return Ok(());
            }
        };
        let size = text.len() as u64;
        let meta = Meta { size, blocks: size / 512 + 1, mode, ..meta };
        out(&Record::Entry { path, meta, target: b"" })?;
        if !text.is_empty() {
            out(&Record::Data { offset: 0, bytes: &text })?;
        }
        out(&Record::End { size, changed, errno })
    }

    fn leave_out(&mut self, path: &[u8], why: &str) {
        self.state = State::Drop;
        self.altered.insert(path.to_vec());
        self.tell(path, format!("left out: {why}"));
    }

    fn tell(&mut self, path: &[u8], why: String) {
        self.count += 1;
        if self.named.len() < MAX_NAMED {
            self.named.push((TreePath::parse(path).unwrap_or_default(), why));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes through of files and links, each with what it holds, and how much is told.
    fn through(nodes: &[(&str, Kind, &str)], keep: bool) -> (Vec<String>, Vec<String>) {
        let mut guard = GitGuard::new(&TreePath::root(), keep);
        let mut seen: Vec<String> = Vec::new();
        let mut out = |record: &Record<'_>| -> Result<(), ()> {
            match record {
                Record::Entry { path, target, .. } => {
                    seen.push(format!("{} {}", path.escape_ascii(), target.escape_ascii()));
                }
                Record::Data { bytes, .. } => {
                    *seen.last_mut().unwrap() += &bytes.escape_ascii().to_string()
                }
                Record::End { .. } => *seen.last_mut().unwrap() += "$",
                _ => panic!("{record:?}"),
            }
            Ok(())
        };
        for (path, kind, text) in nodes {
            let target = if *kind == Kind::File { &b""[..] } else { text.as_bytes() };
            let meta = Meta { size: text.len() as u64, ..Meta::new(*kind, 0o755) };
            guard.put(&Record::Entry { path: path.as_bytes(), meta, target }, &mut out).unwrap();
            if *kind == Kind::File {
                for (at, byte) in text.bytes().enumerate() {
                    guard
                        .put(&Record::Data { offset: at as u64, bytes: &[byte] }, &mut out)
                        .unwrap();
                }
                guard
                    .put(&Record::End { size: meta.size, changed: false, errno: 0 }, &mut out)
                    .unwrap();
            }
        }
        let (named, count) = guard.told();
        assert_eq!(named.len() as u64, count);
        let told = named.into_iter().map(|(path, why)| format!("{path}: {why}")).collect();
        (seen, told)
    }

    #[test]
    fn a_hostile_git_directory_comes_out_inert_and_each_change_is_told() {
        use Kind::{Directory, File, HardLink, Symlink};
        let nodes = [
            (".git", Directory, ""),
            (".git/HEAD", File, "ref: refs/heads/m"),
            (".git/config", File, "[core]\nbare = false\nfsmonitor = x\n"),
            (".git/hooks/pre-commit", File, "#!/bin/sh"),
            (".git/modules", Symlink, "../evil"),
            ("a", File, "text"),
            ("again", HardLink, ".git/hooks/pre-commit"),
            ("sub/.git", File, "gitdir: ../data\n"),
        ];
        let (seen, told) = through(&nodes, false);
        let config = ".git/config [core]\\n\\tbare = \\\"false\\\"\\n$";
        assert_eq!(seen, [".git ", ".git/HEAD ref: refs/heads/m$", config, "a text$"]);
        assert_eq!(told.len(), 5);
        assert!(
            told.iter().all(|one| !one.contains("--keep-git-config")),
            "the CLI alone has the flag: {told:?}"
        );
        assert_eq!(through(&nodes, true).0.len(), nodes.len());
    }

    #[test]
    fn what_looks_like_a_reference_is_no_hook_and_no_program() {
        let id = "0123456789abcdef0123456789abcdef01234567";
        let log = format!("{id} {id} x; touch ran\n");
        let mut guard = GitGuard::new(&TreePath::root(), false);
        let mut seen = Vec::new();
        for path in [
            ".git/hooks/post-checkout",
            ".git/logs/refs/heads/hooks/x",
            ".git/modules/refs/hooks/post-checkout",
        ] {
            let meta = Meta { size: log.len() as u64, ..Meta::new(Kind::File, 0o755) };
            let mut out = |record: &Record<'_>| -> Result<(), ()> {
                if let Record::Entry { path, meta, .. } = record {
                    seen.push((path.escape_ascii().to_string(), meta.mode));
                }
                Ok(())
            };
            guard
                .put(&Record::Entry { path: path.as_bytes(), meta, target: b"" }, &mut out)
                .unwrap();
            guard.put(&Record::Data { offset: 0, bytes: log.as_bytes() }, &mut out).unwrap();
            guard
                .put(&Record::End { size: meta.size, changed: false, errno: 0 }, &mut out)
                .unwrap();
        }
        // A submodule may be called `refs`: what cannot be told apart comes without its execute
        // bit, and git runs no such hook.
        let expected = [".git/logs/refs/heads/hooks/x", ".git/modules/refs/hooks/post-checkout"];
        assert_eq!(seen, expected.map(|path| (path.to_owned(), 0o644)));
        assert_eq!(guard.told().1, 1);
    }

    #[test]
    fn what_is_not_named_any_more_is_counted() {
        let mut guard = GitGuard::new(&TreePath::root(), false);
        let mut out = |record: &Record<'_>| Err::<(), _>(format!("{record:?}"));
        for number in 0..MAX_NAMED + 5 {
            let path = format!(".git/hooks/{number}");
            let meta = Meta::new(Kind::Symlink, 0o777);
            let hook = Record::Entry { path: path.as_bytes(), meta, target: b"../evil" };
            guard.put(&hook, &mut out).unwrap();
        }
        let (named, count) = guard.told();
        assert_eq!((named.len(), count), (MAX_NAMED, MAX_NAMED as u64 + 5));
    }

    #[test]
    fn what_is_too_long_or_says_what_it_is_not_is_left_out() {
        for (offset, size) in [(0, MAX_LEN as u64 + 1), (MAX_LEN as u64, 1), (u64::MAX, 5)] {
            let mut guard = GitGuard::new(&TreePath::root(), false);
            let mut out = |record: &Record<'_>| Err::<(), _>(format!("{record:?}"));
            let meta = Meta { size, ..Meta::new(Kind::File, 0o644) };
            guard
                .put(&Record::Entry { path: b".git/config", meta, target: b"" }, &mut out)
                .unwrap();
            guard.put(&Record::Data { offset, bytes: b"x" }, &mut out).unwrap();
            guard.put(&Record::End { size, changed: false, errno: 0 }, &mut out).unwrap();
            assert_eq!(guard.told().1, 1, "{offset} {size}");
        }
    }
}
