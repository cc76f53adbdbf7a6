//! `RelPath`: where a file is below `/workspace`, checked where it enters.

use super::text::printable;
use std::fmt;

const MAX_PATH_BYTES: usize = 4095;
const MAX_NAME_BYTES: usize = 255;

/// A relative, lexically normal, non-empty path of any bytes but NUL.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelPath(Vec<u8>);

/// Why bytes are not a path below `/workspace`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// There is nothing.
    #[error("the name is empty")]
    Empty,
    /// It is absolute, and not below `/workspace`.
    #[error("it is not below /workspace")]
    Absolute,
    /// It holds `..`, `.` or an empty name.
    #[error("it holds '..', '.' or '//'")]
    NotNormal,
    /// It holds a NUL byte.
    #[error("it holds a NUL byte")]
    Nul,
    /// It or one of its names is longer than Linux takes.
    #[error("it is too long")]
    TooLong,
}

impl RelPath {
    /// Take a relative path, or an absolute one below `/workspace`.
    ///
    /// # Errors
    /// Each variant of [`PathError`].
    pub fn parse(raw: &[u8]) -> Result<Self, PathError> {
        let path = raw.strip_prefix(b"/workspace/").unwrap_or(raw);
        match path {
            b"" => return Err(PathError::Empty),
            [b'/', ..] => return Err(PathError::Absolute),
            _ if path.contains(&0) => return Err(PathError::Nul),
            _ if path.len() > MAX_PATH_BYTES => return Err(PathError::TooLong),
            _ => {}
        }
        for name in path.split(|byte| *byte == b'/') {
            match name {
                b"" | b"." | b".." => return Err(PathError::NotNormal),
                name if name.len() > MAX_NAME_BYTES => return Err(PathError::TooLong),
                _ => {}
            }
        }
        Ok(Self(path.to_vec()))
    }

    /// The bytes, without a slash at either end.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether it lies in a repository's own directory, which git leaves out of every patch.
    #[must_use]
    pub fn is_in_git_directory(&self) -> bool {
        self.0.split(|byte| *byte == b'/').any(|name| name.eq_ignore_ascii_case(b".git"))
    }

    /// The directories above it, outermost first.
    pub fn parents(&self) -> impl Iterator<Item = Self> + '_ {
        let slashes = self.0.iter().enumerate().filter(|(_, byte)| **byte == b'/');
        slashes.map(|(at, _)| Self(self.0[..at].to_vec()))
    }

    /// Whether it lies below `above`.
    #[must_use]
    pub fn is_below(&self, above: &Self) -> bool {
        self.0.strip_prefix(above.0.as_slice()).is_some_and(|rest| rest.first() == Some(&b'/'))
    }

    /// The path as text for results: as it is where it is UTF-8, quoted as git quotes it where it is not.
    #[must_use]
    pub fn to_text(&self) -> String {
        std::str::from_utf8(&self.0).map_or_else(|_| super::quote::quoted(&self.0), str::to_owned)
    }
}

impl fmt::Display for RelPath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&printable(&self.0, MAX_PATH_BYTES))
    }
}

impl fmt::Debug for RelPath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "RelPath({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::{PathError, RelPath};

    #[test]
    fn only_normal_paths_below_the_workspace_pass() {
        for (raw, found) in [
            (&b"a/b"[..], Ok("a/b")),
            (b"/workspace/a", Ok("a")),
            (b"workspace/a", Ok("workspace/a")),
            (b"a b\nc", Ok("a b\nc")),
            (b"...", Ok("...")),
            (b"", Err(PathError::Empty)),
            (b"/workspace/", Err(PathError::Empty)),
            (b"/etc/passwd", Err(PathError::Absolute)),
            (b"/workspace//etc", Err(PathError::Absolute)),
            (b"/workspace/../etc", Err(PathError::NotNormal)),
            (b"/workspaces/a", Err(PathError::Absolute)),
            (b"a/../b", Err(PathError::NotNormal)),
            (b"./a", Err(PathError::NotNormal)),
            (b"a//b", Err(PathError::NotNormal)),
            (b"a/", Err(PathError::NotNormal)),
            (b"a\0b", Err(PathError::Nul)),
            (&[b'a'; 256], Err(PathError::TooLong)),
        ] {
            assert_eq!(RelPath::parse(raw).map(|path| path.to_text()), found.map(str::to_owned), "{raw:?}");
        }
    }

    #[test]
    fn parents_and_places_within() {
        let path = RelPath::parse(b"a/b/c").unwrap();
        let parents: Vec<_> = path.parents().map(|path| path.to_text()).collect();
        assert_eq!(parents, ["a", "a/b"]);
        assert!(path.is_below(&RelPath::parse(b"a/b").unwrap()));
        assert!(!path.is_below(&RelPath::parse(b"a/b/c").unwrap()));
        assert!(!RelPath::parse(b"ab/c").unwrap().is_below(&RelPath::parse(b"a").unwrap()));
        assert!(RelPath::parse(b"x/.Git/hooks").unwrap().is_in_git_directory());
        assert!(!RelPath::parse(b".gitignore").unwrap().is_in_git_directory());
        assert_eq!(RelPath::parse(b"a\xff").unwrap().to_text(), "\"a\\377\"");
    }
}
