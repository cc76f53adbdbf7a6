//! Which paths of a git directory a copy of it needs. Pure.

use pyro_protocol::tree::Kind;

/// What all working trees of a repository share, and a copy of one of them needs (git's
/// `common_list`).
const SHARED: [&[u8]; 12] = [
    b"branches",
    b"description",
    b"hooks",
    b"info",
    b"lfs",
    b"logs",
    b"objects",
    b"packed-refs",
    b"refs",
    b"remotes",
    b"rr-cache",
    b"shallow",
];

/// What within it each working tree has for itself.
const UNSHARED: [&[u8]; 8] = [
    b"info/sparse-checkout",
    b"logs/HEAD",
    b"logs/refs/bisect",
    b"logs/refs/rewritten",
    b"logs/refs/worktree",
    b"refs/bisect",
    b"refs/rewritten",
    b"refs/worktree",
];

/// What of a working tree's own directory has no meaning in a directory that is whole; submodules
/// are looked at for themselves.
const OWN_LEFT: [&[u8]; 8] = [
    b"commondir",
    b"config",
    b"gitdir",
    b"index.lock",
    b"locked",
    b"modules",
    b"prunable",
    b"worktrees",
];

/// Names where objects are borrowed from; what is borrowed is put in itself.
const ALTERNATES: &[u8] = b"objects/info/alternates";

/// Whether a path of a working tree's own directory belongs into a directory that is whole.
pub(super) fn is_own(path: &[u8]) -> bool {
    !OWN_LEFT.contains(&path) && path != ALTERNATES
}

/// Whether a path of the directory that all working trees share belongs to each of them.
pub(super) fn is_shared(path: &[u8]) -> bool {
    let top = path.split(|byte| *byte == b'/').next().unwrap_or_default();
    SHARED.contains(&top) && !UNSHARED.contains(&path) && path != ALTERNATES
}

/// Whether a path of a directory that lends objects is one of these. It may be any directory of
/// this user's: whoever wrote the checkout named it.
pub(super) fn is_object(path: &[u8], kind: Kind) -> bool {
    const PACKS: [&[u8]; 6] = [b".pack", b".idx", b".rev", b".bitmap", b".mtimes", b".promisor"];
    let is_hex = |text: &[u8]| text.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let is_fan = |name: &[u8]| name.len() == 2 && is_hex(name);
    let mut names = path.splitn(2, |byte| *byte == b'/');
    match (names.next().unwrap_or_default(), names.next(), kind) {
        (top, None, Kind::Directory) => top.is_empty() || top == b"pack" || is_fan(top),
        (b"pack", Some(name), Kind::File) => {
            name.starts_with(b"pack-")
                && !name.contains(&b'/')
                && PACKS.iter().any(|end| name.ends_with(end))
        }
        (top, Some(name), Kind::File) => {
            is_fan(top) && (38..=62).contains(&name.len()) && is_hex(name)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_one_working_trees_own_is_not_shared() {
        for path in ["HEAD", "index", "logs/HEAD", "refs/bisect"] {
            assert!(is_own(path.as_bytes()) && !is_shared(path.as_bytes()), "{path}");
        }
        for path in ["packed-refs", "refs", "refs/heads/main", "logs/refs/heads/main", "hooks/x"] {
            assert!(is_shared(path.as_bytes()), "{path}");
        }
        for path in ["config", "worktrees", "objects/info/alternates"] {
            assert!(!is_own(path.as_bytes()) && !is_shared(path.as_bytes()), "{path}");
        }
    }

    #[test]
    fn only_what_git_names_its_objects_is_lent() {
        let loose = "0123456789abcdef0123456789abcdef012345";
        for (path, kind, is_lent) in [
            ("", Kind::Directory, true),
            ("pack", Kind::Directory, true),
            ("0f", Kind::Directory, true),
            ("info", Kind::Directory, false),
            ("pack/pack-1.idx", Kind::File, true),
            ("pack/pack-1.txt", Kind::File, false),
            ("pack/secret.pack", Kind::File, false),
            ("pack/pack-1/x.pack", Kind::File, false),
            (&format!("0f/{loose}"), Kind::File, true),
            (&format!("0f/{loose}"), Kind::Symlink, false),
            ("0f/password", Kind::File, false),
        ] {
            assert_eq!(is_object(path.as_bytes(), kind), is_lent, "{path} {kind:?}");
        }
    }
}
