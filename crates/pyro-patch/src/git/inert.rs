//! What of a git directory makes git run programs, and what is left of it without that. Pure.
//!
//! A guest may have written the directory, and git on the host would trust it: prompts and editors run `git status` unasked. So
//! settings are kept only where they are known to run nothing, and nothing leads git to a directory that was not looked at.

use super::config::{self, Setting};
use std::collections::HashSet;

/// Why something of a git directory is not exported as it is.
const RUNS: &str = "git on the host would run it";

/// Why a pointer is not exported.
const ELSEWHERE: &str = "it would lead git on the host to settings elsewhere";

/// Settings without a subsection that run nothing.
const PLAIN: &[(&str, &[&str])] = &[
    (
        "core",
        &[
            "abbrev",
            "autocrlf",
            "bare",
            "bigfilethreshold",
            "compression",
            "eol",
            "filemode",
            "ignorecase",
            "logallrefupdates",
            "precomposeunicode",
            "quotepath",
            "repositoryformatversion",
            "safecrlf",
            "sharedrepository",
            "sparsecheckout",
            "sparsecheckoutcone",
            "symlinks",
            "trustctime",
        ],
    ),
    ("extensions", &["noop", "objectformat", "preciousobjects", "refstorage", "worktreeconfig"]),
    ("fetch", &["prune"]),
    ("index", &["sparse", "version"]),
    ("init", &["defaultbranch"]),
    ("merge", &["conflictstyle", "ff"]),
    ("pull", &["ff", "rebase"]),
    ("push", &["autosetupremote", "default"]),
    ("rebase", &["autosquash", "autostash"]),
    ("user", &["email", "name"]),
];

/// What to do with something of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes as it is.
    Pass,
    /// It is left out.
    Drop(&'static str),
    /// What it holds decides.
    Look(Look),
}

/// What is to be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Settings, or a branch of that name.
    Config {
        /// Whether it lies below `refs` or `logs`, so that it may be a reference or its log.
        in_refs: bool,
    },
    /// A `.git` file, in a directory that lies so deep below what is exported.
    Pointer(usize),
    /// The file that names the shared part of a git directory.
    CommonDir,
    /// What is called like a hook, a list of commands or an address, or a branch of that name.
    Program {
        /// Whether it lies below `refs` or `logs`, so that it may be a reference or its log.
        in_refs: bool,
    },
}

/// What is left of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// All of it.
    Whole,
    /// This, and why not all.
    Part(Vec<u8>, String),
    /// Nothing, and why.
    Nothing(&'static str),
}

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Node<'a> {
    /// A directory.
    Directory,
    /// A regular file.
    File,
    /// A symbolic link, with its target.
    Symlink(&'a [u8]),
    /// Another name of a file.
    HardLink,
}

/// Judge a node by its path: that of what is exported, and its own below that.
#[must_use]
pub fn judge(root: &[u8], path: &[u8], node: Node<'_>) -> Verdict {
    let names = |path| <[u8]>::split(path, |byte: &u8| *byte == b'/').filter(|name| !name.is_empty());
    let all: Vec<Vec<u8>> = names(root).chain(names(path)).map(<[u8]>::to_ascii_lowercase).collect();
    let Some((last, above)) = all.split_last() else { return Verdict::Pass };
    if last == b".git" {
        return match node {
            Node::Directory => Verdict::Pass,
            Node::File => Verdict::Look(Look::Pointer(names(path).count().saturating_sub(1))),
            Node::Symlink(_) | Node::HardLink => Verdict::Drop(ELSEWHERE),
        };
    }
    let Some(git) = above.iter().rposition(|name| name == b".git") else { return Verdict::Pass };
    let rest = &above[git + 1..];
    let refs = rest.iter().position(|name| name == b"refs" || name == b"logs").unwrap_or(rest.len());
    let in_refs = refs < rest.len();
    let is_program = rest.iter().any(|name| name == b"hooks") || last.starts_with(b"git-rebase-todo");
    // Files of addresses, as git had them before its settings: they lead a push to a directory with hooks.
    let is_address = |name: &Vec<u8>| name == b"remotes" || name == b"branches";
    // A submodule may be called `refs`.
    let is_address = match in_refs && !rest[..refs].iter().any(|name| name == b"modules") {
        true => false,
        false => rest.iter().any(is_address),
    };
    let is_named = matches!(last.as_slice(), b"config" | b"config.worktree" | b"commondir");
    match node {
        Node::Directory => Verdict::Pass,
        Node::Symlink(target) => {
            let is_head = rest.is_empty()
                && last == b"head"
                && target.starts_with(b"refs/")
                && !target.windows(2).any(|two| two == b"..");
            if is_head {
                Verdict::Pass
            } else {
                Verdict::Drop("a link in a git directory can lead git on the host anywhere")
            }
        }
        Node::HardLink if is_program || is_address || is_named => Verdict::Drop("it is another name of a file"),
        Node::HardLink => Verdict::Pass,
        Node::File => match last.as_slice() {
            b"config" | b"config.worktree" => Verdict::Look(Look::Config { in_refs }),
            // That of a linked working tree leads to a directory in the `.git`; another one leads out of it.
            b"commondir" if rest.len() >= 2 => Verdict::Look(Look::CommonDir),
            b"commondir" => Verdict::Drop(ELSEWHERE),
            name if is_program && !name.ends_with(b".sample") => Verdict::Look(Look::Program { in_refs }),
            _ if is_address => Verdict::Look(Look::Program { in_refs }),
            _ => Verdict::Pass,
        },
    }
}

/// What is kept of a file that was to be looked at.
#[must_use]
pub fn keep(look: Look, text: &[u8]) -> Kept {
    match look {
        // A branch may be called like that.
        Look::Config { in_refs: true } | Look::Program { in_refs: true } if is_reference(text) => Kept::Whole,
        Look::Config { .. } => settings(text),
        Look::Program { .. } => Kept::Nothing(RUNS),
        Look::CommonDir if text.trim_ascii_end() == b"../.." => Kept::Whole,
        Look::Pointer(depth) if is_module(text, depth) => Kept::Whole,
        Look::CommonDir | Look::Pointer(_) => Kept::Nothing(ELSEWHERE),
    }
}

/// Whether a text is a reference or its log.
fn is_reference(text: &[u8]) -> bool {
    let is_id = |word: &[u8]| matches!(word.len(), 40 | 64) && word.iter().all(u8::is_ascii_hexdigit);
    let is_entry = |line: &[u8]| {
        let mut words = line.split(|byte| *byte == b' ');
        let is_first = words.next().is_some_and(is_id);
        is_first && words.next().is_none_or(is_id)
    };
    let lines = text.strip_suffix(b"\n").unwrap_or(text);
    let is_symbolic = || lines.starts_with(b"ref: refs/") && !lines.contains(&b'\n');
    !lines.contains(&0) && (is_symbolic() || lines.split(|byte| *byte == b'\n').all(is_entry))
}

/// Whether a `.git` file names a submodule's directory in a `.git` that is exported too.
fn is_module(text: &[u8], depth: usize) -> bool {
    let Some(path) = text.strip_prefix(b"gitdir: ") else { return false };
    let path = path.trim_ascii_end();
    let names: Vec<&[u8]> = path.split(|byte| *byte == b'/').collect();
    let ups = names.iter().take_while(|name| **name == b"..").count();
    let names = &names[ups..];
    let is_plain = names.iter().all(|name| !matches!(*name, b"" | b"." | b".."));
    let git = names.iter().position(|name| *name == b".git");
    let is_in_modules =
        git.is_some_and(|git| names.get(git + 1) == Some(&b"modules".as_slice()) && names.len() > git + 2);
    !path.contains(&0) && !path.contains(&b'\n') && ups <= depth && is_plain && is_in_modules
}

/// Settings that are left out are named up to this many.
const MAX_NAMED: usize = 5;

fn settings(text: &[u8]) -> Kept {
    let Some(all) = config::parse(text) else { return Kept::Nothing("git would not read it") };
    let remotes: HashSet<Vec<u8>> = all
        .iter()
        .filter(|setting| setting.section == "remote" && setting.key == "url" && is_inert(setting, &HashSet::new()))
        .filter_map(|setting| setting.subsection.clone())
        .collect();
    let (kept, left): (Vec<_>, Vec<_>) = all.into_iter().partition(|setting| is_inert(setting, &remotes));
    if left.is_empty() {
        return Kept::Whole;
    }
    let mut names: Vec<String> = left.iter().take(MAX_NAMED).map(Setting::name).collect();
    if left.len() > names.len() {
        names.push(format!("{} more", left.len() - names.len()));
    }
    let why = format!("without settings that may make git on the host run programs: {}", names.join(", "));
    Kept::Part(config::write(&kept), why)
}

/// Whether a setting runs nothing, beside these remotes on other hosts.
fn is_inert(setting: &Setting, remotes: &HashSet<Vec<u8>>) -> bool {
    let value = setting.value.as_deref().unwrap_or(b"true");
    let (section, key) = (setting.section.as_str(), setting.key.as_str());
    if setting.subsection.is_none() {
        return PLAIN.iter().any(|(name, keys)| *name == section && keys.contains(&key));
    }
    match (section, key) {
        ("remote", "url" | "pushurl") | ("submodule", "url") => is_remote(value),
        ("remote", "fetch" | "push" | "tagopt" | "prune" | "mirror") => true,
        // Git takes what is no remote's name for the path of a repository, and a push runs that one's hooks.
        ("branch", "remote" | "pushremote") => !matches!(value, b"." | b"..") && remotes.contains(value),
        ("branch", "merge" | "rebase" | "description") | ("submodule", "active" | "branch") => true,
        _ => false,
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._-".contains(&byte)
}

/// Whether an address is one of another host: a helper of git's (`ext::`) runs programs, and a directory may hold hooks.
fn is_remote(url: &[u8]) -> bool {
    const SCHEMES: [&[u8]; 6] = [b"https://", b"http://", b"ssh://", b"git://", b"ftps://", b"ftp://"];
    if url.windows(2).any(|two| two == b"::") {
        return false;
    }
    if let Some(rest) = SCHEMES.iter().find_map(|scheme| url.strip_prefix(*scheme)) {
        return !rest.starts_with(b"-") && !rest.windows(2).any(|two| two == b"@-");
    }
    if url.windows(3).any(|three| three == b"://") {
        return false;
    }
    // As scp has it: host:path.
    let host = url.split(|byte| *byte == b':').next().filter(|host| host.len() < url.len());
    host.is_some_and(|host| {
        !host.starts_with(b"-") && !host.is_empty() && host.iter().all(|byte| is_word(*byte) || *byte == b'@')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: Look = Look::Config { in_refs: false };
    const PROGRAM: Look = Look::Program { in_refs: false };

    #[test]
    fn what_git_would_run_or_be_led_by_is_looked_at_wherever_it_lies() {
        use Node::{Directory as D, File as F, HardLink as H, Symlink as L};
        let elsewhere = Verdict::Drop("it would lead git on the host to settings elsewhere");
        let anywhere = Verdict::Drop("a link in a git directory can lead git on the host anywhere");
        for (root, path, node, verdict) in [
            ("", ".git", D, Verdict::Pass),
            ("", "config", F, Verdict::Pass),
            ("", "hooks/x", F, Verdict::Pass),
            ("", ".git/config", F, Verdict::Look(CONFIG)),
            ("", "a/.GIT/Config", F, Verdict::Look(CONFIG)),
            ("", ".git/config.worktree", F, Verdict::Look(CONFIG)),
            ("", ".git/modules/a/b/config", F, Verdict::Look(CONFIG)),
            ("", ".git/hooks/pre-commit", F, Verdict::Look(PROGRAM)),
            ("", ".git/modules/m/hooks/pre-commit", F, Verdict::Look(PROGRAM)),
            ("", ".git/hooks/pre-commit.sample", F, Verdict::Pass),
            ("", ".git/rebase-merge/git-rebase-todo", F, Verdict::Look(PROGRAM)),
            ("", ".git/refs/heads/hooks/x", F, Verdict::Look(Look::Program { in_refs: true })),
            ("", ".git/logs/refs/heads/config", F, Verdict::Look(Look::Config { in_refs: true })),
            ("", ".git/remotes/o", F, Verdict::Look(PROGRAM)),
            ("", ".git/branches/o", F, Verdict::Look(PROGRAM)),
            ("", ".git/modules/m/remotes/o", F, Verdict::Look(PROGRAM)),
            ("", ".git/modules/refs/remotes/o", F, Verdict::Look(Look::Program { in_refs: true })),
            ("", ".git/remotes/o", H, Verdict::Drop("it is another name of a file")),
            ("", ".git/refs/remotes/o/main", F, Verdict::Pass),
            ("", ".git/logs/refs/remotes/o/main", F, Verdict::Pass),
            ("", ".git/objects/ab/cd", F, Verdict::Pass),
            ("", ".git/HEAD", L(b"refs/heads/x"), Verdict::Pass),
            ("", ".git/HEAD", L(b"refs/../../x"), anywhere),
            ("", ".git/hooks", L(b"../evil"), anywhere),
            ("", ".git/modules", L(b"../evil"), anywhere),
            ("", ".git", L(b"evil"), elsewhere),
            ("", ".git", H, elsewhere),
            ("", ".git/config", H, Verdict::Drop("it is another name of a file")),
            ("", "a/b/.git", F, Verdict::Look(Look::Pointer(2))),
            ("", ".git/worktrees/x/commondir", F, Verdict::Look(Look::CommonDir)),
            ("", "a/.git/commondir", F, elsewhere),
            ("", ".git/x/commondir", F, elsewhere),
            (".git", "config", F, Verdict::Look(CONFIG)),
            (".git/hooks", "x", F, Verdict::Look(PROGRAM)),
            (".git/config", "", F, Verdict::Look(CONFIG)),
            ("a/b", ".git", F, Verdict::Look(Look::Pointer(0))),
        ] {
            assert_eq!(judge(root.as_bytes(), path.as_bytes(), node), verdict, "{root} {path} {node:?}");
        }
    }

    #[test]
    fn settings_are_kept_only_where_they_run_nothing() {
        let text = "[core]\n\tbare = false\n\tfsmonitor = touch x\n\thooksPath = h\n\tsshCommand = s\n[include]\n\tpath = x\n\
                    [remote \"o\"]\n\turl = https://example.org/a\n\tfetch = +a:b\n\tuploadpack = x\n[remote \"e\"]\n\turl = ext::sh -c x\n\
                    [branch \"m\"]\n\tremote = o\n\tmerge = refs/heads/m\n[filter \"f\"]\n\tclean = x\n[alias]\n\tst = !x\n\
                    [user]\n\tname = \"a # b\"\n";
        let Kept::Part(kept, why) = keep(CONFIG, text.as_bytes()) else { panic!("something is left out") };
        let names: Vec<_> = config::parse(&kept).unwrap().iter().map(Setting::name).collect();
        let expected =
            ["core.bare", "remote.o.url", "remote.o.fetch", "branch.m.remote", "branch.m.merge", "user.name"]
                .map(str::to_owned);
        assert_eq!(names, expected);
        assert!(
            why.ends_with("core.fsmonitor, core.hookspath, core.sshcommand, include.path, remote.o.uploadpack, 3 more"),
            "{why}"
        );
        assert_eq!(keep(CONFIG, b"[core]\n\tbare = false\n"), Kept::Whole);
        assert_eq!(keep(CONFIG, b"[core\n"), Kept::Nothing("git would not read it"));
    }

    #[test]
    fn a_remote_is_on_another_host() {
        for (url, is) in [
            ("https://example.org/a.git", true),
            ("git@example.org:a/b", true),
            ("ssh://git@example.org/a", true),
            ("ext::sh -c x", false),
            ("ssh::x", false),
            ("./evil", false),
            ("/tmp/evil", false),
            ("../a:b", false),
            ("file:///tmp/evil", false),
            ("-oProxyCommand=x:y", false),
            ("ssh://-oProxyCommand=x/y", false),
        ] {
            assert_eq!(is_remote(url.as_bytes()), is, "{url}");
        }
    }

    #[test]
    fn branches_that_are_called_like_hooks_or_settings_stay() {
        let id = "0123456789abcdef0123456789abcdef01234567";
        let (config, program) = (Look::Config { in_refs: true }, Look::Program { in_refs: true });
        assert_eq!(keep(program, format!("{id}\n").as_bytes()), Kept::Whole);
        assert_eq!(keep(program, b"ref: refs/remotes/o/main\n"), Kept::Whole);
        assert_eq!(keep(config, format!("{id} {id} n <a@b> 1 +0000\tx\n").as_bytes()), Kept::Whole);
        for text in ["", "#!/bin/sh\n", &format!("{id}\n#!/bin/sh\n")] {
            assert_eq!(keep(program, text.as_bytes()), Kept::Nothing(RUNS), "{text}");
        }
        // A shell runs what has no first line of its own, and takes an id for the name of a program.
        let text = format!("{id} {id} x; touch ran\n");
        assert_eq!(keep(PROGRAM, text.as_bytes()), Kept::Nothing(RUNS));
    }

    #[test]
    fn a_branch_follows_only_a_remote_on_another_host() {
        let text = |remote: &str| {
            format!(
                "[remote \"o\"]\n\turl = https://example.org/a\n[remote \"e\"]\n\turl = ./evil\n[remote \".\"]\n\turl = ./e\n[branch \"m\"]\n\tremote = {remote}\n\tpushRemote = {remote}\n"
            )
        };
        for (remote, stays) in [("o", true), ("e", false), ("evil", false), (".", false), ("..", false), ("-x", false)]
        {
            let Kept::Part(kept, why) = keep(CONFIG, text(remote).as_bytes()) else {
                panic!("two addresses are left out")
            };
            let is_kept = config::parse(&kept).unwrap().iter().any(|setting| setting.section == "branch");
            assert_eq!(
                (is_kept, why.contains("branch.m.remote, branch.m.pushremote")),
                (stays, !stays),
                "{remote}: {why}"
            );
        }
    }

    #[test]
    fn a_pointer_stays_in_what_is_exported() {
        for (text, depth, stays) in [
            ("gitdir: ../.git/modules/m\n", 1, true),
            ("gitdir: ../../.git/modules/a/b\n", 2, true),
            ("gitdir: ../.git/modules/m\n", 0, false),
            ("gitdir: ../data\n", 1, false),
            ("gitdir: ../.git/refs/x\n", 1, false),
            ("gitdir: ../.git/modules/../../evil\n", 1, false),
            ("gitdir: /workspace/.git/modules/m\n", 1, false),
            ("gitdir: ../.git/modules/m\nx", 1, false),
        ] {
            assert_eq!(keep(Look::Pointer(depth), text.as_bytes()) == Kept::Whole, stays, "{text}");
        }
    }
}
