//! The names that headers hold, with the prefixes that git and others put before them.

use super::cursor::without_return;
use crate::git::dir::is_within_git;
use crate::git::quote::unquote;
use crate::git::text::printable;
use crate::patch::error::ParseError;
use crate::patch::path;
use pyro_protocol::TreePath;
use std::borrow::Cow;

/// A name as it stands in a header, unquoted.
pub(super) type Raw<'a> = Cow<'a, [u8]>;

/// The `---` and `+++` lines: a name, unless it is `/dev/null`, and the time after it.
pub(super) struct Labels<'a> {
    pub(super) old: (Option<Raw<'a>>, &'a [u8]),
    pub(super) new: (Option<Raw<'a>>, &'a [u8]),
}

/// Longest `diff --git` line that is searched for its two names, in bytes: two paths in quotes.
const LONGEST_PAIR: usize = 40_000;

/// What git and its `diff.mnemonicPrefix`, and those who begin at `.`, put before the old and the
/// new name.
const PREFIXES: [(&[u8], &[u8]); 8] = [
    (b"a/", b"b/"),
    (b"./", b"./"),
    (b"b/", b"a/"),
    (b"i/", b"w/"),
    (b"c/", b"i/"),
    (b"c/", b"w/"),
    (b"o/", b"w/"),
    (b"1/", b"2/"),
];

/// The one name that two sides stand for.
pub(super) fn one_name(old: &[u8], new: &[u8], line: usize) -> Result<Vec<u8>, ParseError> {
    let (old, new) = stripped(old, new);
    if old != new {
        return Err(ParseError::TwoNames {
            line,
            old: printable(old, 200),
            new: printable(new, 200),
        });
    }
    Ok(old.to_vec())
}

/// The rest of a `rename from` and the like: a name without a prefix.
pub(super) fn bare(rest: &[u8]) -> Raw<'_> {
    let rest = without_return(rest);
    match unquote(rest) {
        Some((name, _)) => Cow::Owned(clean(&name).into_owned()),
        None => clean(rest),
    }
}

/// A name without `/./`, and with one `./` at most before it: so it is the same file.
pub(super) fn clean(name: &[u8]) -> Raw<'_> {
    if !name.windows(2).any(|two| two == b"./") {
        return Cow::Borrowed(name);
    }
    let mut parts = name.split(|byte| *byte == b'/').peekable();
    let mut kept: Vec<&[u8]> = Vec::new();
    while let Some(part) = parts.next() {
        let is_inner = !kept.is_empty() && parts.peek().is_some();
        if !(is_inner && part == b".") {
            kept.push(part);
        }
    }
    Cow::Owned(kept.join(&b'/'))
}

/// The name of a `---` or `+++` line, and the time that follows it; none for `/dev/null`.
pub(super) fn label(rest: &[u8]) -> (Option<Raw<'_>>, &[u8]) {
    let rest = without_return(rest);
    let (name, time) = match unquote(rest) {
        Some((name, after)) => (Cow::Owned(name), after.trim_ascii()),
        None => {
            let tab = rest.iter().position(|byte| *byte == b'\t');
            let at = tab.or_else(|| spaced_time(rest)).unwrap_or(rest.len());
            (Cow::Borrowed(&rest[..at]), rest[at..].trim_ascii())
        }
    };
    let name = match name {
        Cow::Borrowed(name) => clean(name),
        Cow::Owned(name) => Cow::Owned(clean(&name).into_owned()),
    };
    ((name.as_ref() != b"/dev/null").then_some(name), time)
}

/// Where ` 2026-01-31 12:30` begins, when nobody put a tab before it.
fn spaced_time(label: &[u8]) -> Option<usize> {
    const SHAPE: &[u8] = b" 0000-00-00 00:00";
    let fits = |window: &[u8]| {
        let mut pairs = window.iter().zip(SHAPE);
        pairs
            .all(|(byte, shape)| if *shape == b'0' { byte.is_ascii_digit() } else { byte == shape })
    };
    label.windows(SHAPE.len()).position(fits).filter(|at| *at > 0)
}

/// The two names of a `diff --git` line, where it can be told; both are of one file, unless other
/// lines say more.
pub(super) fn pair(rest: &[u8]) -> Option<(Raw<'_>, Raw<'_>)> {
    let (old, new) = raw_pair(without_return(rest))?;
    let cleaned = |name: Raw<'_>| clean(&name).into_owned();
    Some((Cow::Owned(cleaned(old)), Cow::Owned(cleaned(new))))
}

fn raw_pair(rest: &[u8]) -> Option<(Raw<'_>, Raw<'_>)> {
    if rest.len() > LONGEST_PAIR {
        return None;
    }
    if let Some((old, after)) = unquote(rest) {
        let after = after.strip_prefix(b" ")?;
        return match unquote(after) {
            Some((new, b"")) => Some((Cow::Owned(old), Cow::Owned(new))),
            Some(_) => None,
            None => Some((Cow::Owned(old), Cow::Borrowed(after))),
        };
    }
    let spaces = || rest.iter().enumerate().filter(|(_, byte)| **byte == b' ').map(|(at, _)| at);
    for at in spaces() {
        if let Some((new, b"")) = unquote(&rest[at + 1..]) {
            return Some((Cow::Borrowed(&rest[..at]), Cow::Owned(new)));
        }
    }
    let halves = spaces().map(|at| (&rest[..at], &rest[at + 1..]));
    let one_file = |(old, new): &(&[u8], &[u8])| {
        let (old, new) = stripped(old, new);
        !old.is_empty() && old == new
    };
    halves.into_iter().find(one_file).map(|(old, new)| (Cow::Borrowed(old), Cow::Borrowed(new)))
}

/// Both names without what was put before them.
pub(super) fn stripped<'n>(old: &'n [u8], new: &'n [u8]) -> (&'n [u8], &'n [u8]) {
    let without = |(a, b): &(&[u8], &[u8])| Some((old.strip_prefix(*a)?, new.strip_prefix(*b)?));
    if let Some((old, new)) = PREFIXES.iter().filter_map(without).find(|(old, new)| old == new) {
        return (old, new);
    }
    if old == new {
        return (old, new);
    }
    if let Some(pair) = without(&PREFIXES[0]) {
        return pair;
    }
    // `--- m.py`, `+++ ./m.py`, or `./a/m.py` and `./b/m.py`.
    let bare = |name: &'n [u8]| name.strip_prefix(b"./").unwrap_or(name);
    if bare(old).len() < old.len() || bare(new).len() < new.len() {
        return stripped(bare(old), bare(new));
    }
    match (after_first(old), after_first(new)) {
        // `diff -r old new`: the trees' own names come first.
        (Some(old), Some(new)) if old == new => (old, new),
        _ if old.strip_suffix(b".orig") == Some(new) => (new, new),
        _ => (old, new),
    }
}

/// The old name of a file that has no new one.
pub(super) fn old_alone(name: &[u8]) -> &[u8] {
    name.strip_prefix(b"a/").or_else(|| name.strip_prefix(b"./")).unwrap_or(name)
}

/// The new name of a file that has no old one.
pub(super) fn new_alone(name: &[u8]) -> &[u8] {
    name.strip_prefix(b"b/").or_else(|| name.strip_prefix(b"./")).unwrap_or(name)
}

/// Whether a `---` or `+++` line names this path, whatever stands before it.
pub(super) fn means(label: &[u8], path: &TreePath) -> bool {
    label == path.as_bytes()
        || after_first(label) == Some(path.as_bytes())
        || path::parse(old_alone(new_alone(label))).as_ref() == Ok(path)
}

fn after_first(name: &[u8]) -> Option<&[u8]> {
    let slash = name.iter().position(|byte| *byte == b'/').filter(|at| *at > 0)?;
    Some(&name[slash + 1..])
}

/// A name that something may be written to.
pub(super) fn path(name: &[u8], line: usize) -> Result<TreePath, ParseError> {
    let shown = || printable(name, 200);
    let bare = name.strip_prefix(b"./").unwrap_or(name);
    let path = path::parse(bare).map_err(|why| ParseError::Path { line, name: shown(), why })?;
    if is_within_git(path.as_bytes()) {
        return Err(ParseError::GitDirectory { line, name: shown() });
    }
    Ok(path)
}
