//! `TreePath`: where a node is within a tree, relative to the tree's own root, checked where it
//! enters.

use crate::limits::MAX_PATH_LEN;
use serde::{Deserialize, Serialize};

/// Longest name of one node, in bytes (Linux `NAME_MAX`).
pub const MAX_NAME_LEN: usize = 255;

/// A relative, lexically normal path: no NUL, no `.` or `..`, no empty component. Empty is the
/// tree's root itself.
///
/// Paths order as a walk meets them: a directory before what it holds, names by their bytes.
#[derive(Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "serde_bytes::ByteBuf", into = "serde_bytes::ByteBuf")]
pub struct TreePath(Vec<u8>);

/// Why bytes are not a path within a tree.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum TreePathError {
    /// It begins with a slash.
    #[error("path is absolute")]
    Absolute,
    /// It holds a NUL byte.
    #[error("path holds a NUL byte")]
    Nul,
    /// It holds `.`, `..` or an empty component.
    #[error("path holds '..', '.' or '//'")]
    NotNormal,
    /// It or one of its names is longer than Linux takes.
    #[error("path of {0} bytes is too long, or one of its names is")]
    TooLong(usize),
}

/// Check bytes without taking them.
///
/// # Errors
/// Each variant of [`TreePathError`].
pub fn check(raw: &[u8]) -> Result<(), TreePathError> {
    if raw.is_empty() {
        return Ok(());
    }
    if raw.len() > MAX_PATH_LEN {
        return Err(TreePathError::TooLong(raw.len()));
    }
    if raw[0] == b'/' {
        return Err(TreePathError::Absolute);
    }
    // One pass: an emulated guest does this for every file.
    let mut start = 0;
    for at in 0..=raw.len() {
        match raw.get(at) {
            Some(0) => return Err(TreePathError::Nul),
            None | Some(b'/') => {
                match &raw[start..at] {
                    b"" | b"." | b".." => return Err(TreePathError::NotNormal),
                    name if name.len() > MAX_NAME_LEN => {
                        return Err(TreePathError::TooLong(raw.len()));
                    }
                    _ => {}
                }
                start = at + 1;
            }
            Some(_) => {}
        }
    }
    Ok(())
}

impl TreePath {
    /// Take bytes that are normal already.
    ///
    /// # Errors
    /// Each variant of [`TreePathError`].
    pub fn parse(raw: &[u8]) -> Result<Self, TreePathError> {
        check(raw)?;
        Ok(Self(raw.to_vec()))
    }

    /// The tree's own root.
    #[must_use]
    pub fn root() -> Self {
        Self::default()
    }

    /// Whether it is the tree's own root.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The bytes, without a slash at either end.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The directory that holds it and its name there; `None` for the root.
    #[must_use]
    pub fn split(&self) -> Option<(&[u8], &[u8])> {
        split(&self.0)
    }

    /// The directories above it, the outermost first; without the root.
    pub fn parents(&self) -> impl Iterator<Item = Self> + '_ {
        let slashes = self.0.iter().enumerate().filter(|(_, byte)| **byte == b'/');
        slashes.map(|(at, _)| Self(self.0[..at].to_vec()))
    }

    /// Whether it lies below `above`, and is not `above` itself.
    #[must_use]
    pub fn is_below(&self, above: &Self) -> bool {
        self != above && self.is_within(above)
    }

    /// Whether it is `above` or lies below it.
    #[must_use]
    pub fn is_within(&self, above: &Self) -> bool {
        let rest = self.0.strip_prefix(above.0.as_slice());
        above.is_root() || rest.is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
    }
}

/// The directory and the name of a path that was checked; `None` for the root.
#[must_use]
pub fn split(path: &[u8]) -> Option<(&[u8], &[u8])> {
    if path.is_empty() {
        return None;
    }
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(at) => Some((&path[..at], &path[at + 1..])),
        None => Some((b"", path)),
    }
}

impl Ord for TreePath {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.split(|byte| *byte == b'/').cmp(other.0.split(|byte| *byte == b'/'))
    }
}

impl PartialOrd for TreePath {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl std::fmt::Debug for TreePath {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{:?}", String::from_utf8_lossy(&self.0))
    }
}

/// For a person: bytes that are no text are replaced, and what could steer a terminal or make the
/// name look like another one is escaped.
impl std::fmt::Display for TreePath {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.is_root() {
            return out.write_str(".");
        }
        for char in String::from_utf8_lossy(&self.0).chars() {
            let is_shown = !char.is_control() && !is_direction(char);
            if is_shown {
                write!(out, "{char}")?
            } else {
                write!(out, "{}", char.escape_default())?
            }
        }
        Ok(())
    }
}

/// Whether it turns the direction of writing.
fn is_direction(char: char) -> bool {
    matches!(char, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

impl From<TreePath> for serde_bytes::ByteBuf {
    fn from(path: TreePath) -> Self {
        Self::from(path.0)
    }
}

impl TryFrom<serde_bytes::ByteBuf> for TreePath {
    type Error = TreePathError;
    fn try_from(raw: serde_bytes::ByteBuf) -> Result<Self, TreePathError> {
        check(&raw)?;
        Ok(Self(raw.into_vec()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_normal_relative_paths_are_taken() {
        let long = [b'n'; 256];
        let table: [(&[u8], Result<(), TreePathError>); 14] = [
            (b"", Ok(())),
            (b"a", Ok(())),
            (b"a/b\n/\xff", Ok(())),
            (&long[..255], Ok(())),
            (b"...", Ok(())),
            (b"/", Err(TreePathError::Absolute)),
            (b"/a", Err(TreePathError::Absolute)),
            (b"a//b", Err(TreePathError::NotNormal)),
            (b"a/", Err(TreePathError::NotNormal)),
            (b"..", Err(TreePathError::NotNormal)),
            (b"a/../b", Err(TreePathError::NotNormal)),
            (b"a/.", Err(TreePathError::NotNormal)),
            (b"a\0", Err(TreePathError::Nul)),
            (&long, Err(TreePathError::TooLong(256))),
        ];
        for (raw, expected) in table {
            assert_eq!(
                TreePath::parse(raw).map(|_| ()),
                expected,
                "{:?}",
                String::from_utf8_lossy(raw)
            );
        }
        assert_eq!(
            check(&[b"a/".repeat(2047), b"bc".to_vec()].concat()),
            Err(TreePathError::TooLong(4096))
        );
    }

    #[test]
    fn the_order_is_that_of_a_walk() {
        let path = |raw: &str| TreePath::parse(raw.as_bytes()).unwrap();
        let mut sorted = ["", "a", "a/b", "a/b/c", "a-b", "a-b/c", "b"].map(path);
        sorted.reverse();
        sorted.sort();
        assert_eq!(sorted, ["", "a", "a/b", "a/b/c", "a-b", "a-b/c", "b"].map(path));
        assert!(path("a/b").is_within(&path("a")) && path("a").is_within(&path("")));
        assert!(!path("a-b").is_within(&path("a")));
        assert!(path("a/b").is_below(&path("a")) && path("a").is_below(&path("")));
        assert!(!path("a").is_below(&path("a")) && !path("a-b").is_below(&path("a")));
        assert_eq!(path("a/b/c").parents().collect::<Vec<_>>(), ["a", "a/b"].map(path));
        assert_eq!(path("").parents().next(), None);
        assert_eq!(path("a/b").split(), Some((&b"a"[..], &b"b"[..])));
    }

    #[test]
    fn a_path_that_is_shown_steers_nothing() {
        for (raw, shown) in [
            (&b""[..], "."),
            (b"a b", "a b"),
            (b"a\x1b[31m\r\n\t\xff", "a\\u{1b}[31m\\r\\n\\t\u{fffd}"),
            ("x\u{202e}y".as_bytes(), "x\\u{202e}y"),
        ] {
            assert_eq!(TreePath::parse(raw).unwrap().to_string(), shown);
        }
    }
}
