//! What of a git directory makes git run programs, and what is left of it without that. Pure.
//!
//! A guest may have written the directory, and git on the host would trust it: prompts and editors
//! run `git status` unasked. So settings are kept only where they are known to run nothing, and
//! nothing leads git to a directory that was not looked at.

#[cfg(test)]
mod tests;

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
    let names =
        |path| <[u8]>::split(path, |byte: &u8| *byte == b'/').filter(|name| !name.is_empty());
    let all: Vec<Vec<u8>> =
        names(root).chain(names(path)).map(<[u8]>::to_ascii_lowercase).collect();
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
    let refs =
        rest.iter().position(|name| name == b"refs" || name == b"logs").unwrap_or(rest.len());
    let in_refs = refs < rest.len();
    let is_program =
        rest.iter().any(|name| name == b"hooks") || last.starts_with(b"git-rebase-todo");
    // Files of addresses, as git had them before its settings: they lead a push to a directory with
    // hooks.
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
        Node::HardLink if is_program || is_address || is_named => {
            Verdict::Drop("it is another name of a file")
        }
        Node::HardLink => Verdict::Pass,
        Node::File => match last.as_slice() {
            b"config" | b"config.worktree" => Verdict::Look(Look::Config { in_refs }),
            // That of a linked working tree leads to a directory in the `.git`; another one leads
            // out of it.
            b"commondir" if rest.len() >= 2 => Verdict::Look(Look::CommonDir),
            b"commondir" => Verdict::Drop(ELSEWHERE),
            name if is_program && !name.ends_with(b".sample") => {
                Verdict::Look(Look::Program { in_refs })
            }
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
        Look::Config { in_refs: true } | Look::Program { in_refs: true } if is_reference(text) => {
            Kept::Whole
        }
        Look::Config { .. } => settings(text),
        Look::Program { .. } => Kept::Nothing(RUNS),
        Look::CommonDir if text.trim_ascii_end() == b"../.." => Kept::Whole,
        Look::Pointer(depth) if is_module(text, depth) => Kept::Whole,
        Look::CommonDir | Look::Pointer(_) => Kept::Nothing(ELSEWHERE),
    }
}

/// Whether a text is a reference or its log.
fn is_reference(text: &[u8]) -> bool {
    let is_id =
        |word: &[u8]| matches!(word.len(), 40 | 64) && word.iter().all(u8::is_ascii_hexdigit);
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
    let is_in_modules = git.is_some_and(|git| {
        names.get(git + 1) == Some(&b"modules".as_slice()) && names.len() > git + 2
    });
    !path.contains(&0) && !path.contains(&b'\n') && ups <= depth && is_plain && is_in_modules
}

/// Settings that are left out are named up to this many.
const MAX_NAMED: usize = 5;

fn settings(text: &[u8]) -> Kept {
    let Some(all) = config::parse(text) else { return Kept::Nothing("git would not read it") };
    let remotes: HashSet<Vec<u8>> = all
        .iter()
        .filter(|setting| {
            setting.section == "remote"
                && setting.key == "url"
                && is_inert(setting, &HashSet::new())
        })
        .filter_map(|setting| setting.subsection.clone())
        .collect();
    let (kept, left): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|setting| is_inert(setting, &remotes));
    if left.is_empty() {
        return Kept::Whole;
    }
    let mut names: Vec<String> = left.iter().take(MAX_NAMED).map(Setting::name).collect();
    if left.len() > names.len() {
        names.push(format!("{} more", left.len() - names.len()));
    }
    let why = format!(
        "without settings that may make git on the host run programs: {}",
        names.join(", ")
    );
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
        // Git takes what is no remote's name for the path of a repository, and a push runs that
        // one's hooks.
        ("branch", "remote" | "pushremote") => {
            !matches!(value, b"." | b"..") && remotes.contains(value)
        }
        ("branch", "merge" | "rebase" | "description") | ("submodule", "active" | "branch") => true,
        _ => false,
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._-".contains(&byte)
}

/// Whether an address is one of another host: a helper of git's (`ext::`) runs programs, and a
/// directory may hold hooks.
fn is_remote(url: &[u8]) -> bool {
    const SCHEMES: [&[u8]; 6] =
        [b"https://", b"http://", b"ssh://", b"git://", b"ftps://", b"ftp://"];
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
        !host.starts_with(b"-")
            && !host.is_empty()
            && host.iter().all(|byte| is_word(*byte) || *byte == b'@')
    })
}
