//! `GuestPath`: an absolute path in the guest, checked where it enters.

use crate::limits::MAX_PATH_LEN;
use serde::{Deserialize, Serialize};

/// An absolute, lexically normal path in the guest: no NUL, no `.` or `..`, no empty component.
///
/// It says nothing about what is there: links are resolved by the guest, below the guest's own
/// root.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "serde_bytes::ByteBuf", into = "serde_bytes::ByteBuf")]
pub struct GuestPath(Vec<u8>);

/// Why bytes are not a guest path.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum GuestPathError {
    /// It does not begin with a slash.
    #[error("guest path is not absolute")]
    NotAbsolute,
    /// It holds a NUL byte.
    #[error("guest path holds a NUL byte")]
    Nul,
    /// It holds a `..` component.
    #[error("guest path holds '..'")]
    Parent,
    /// It is longer than the guest's kernel takes.
    #[error("guest path of {0} bytes, more than {MAX_PATH_LEN}")]
    TooLong(usize),
}

impl GuestPath {
    /// Parse and normalise: repeated slashes and `.` components go, `..` is refused.
    ///
    /// # Errors
    /// Each variant of [`GuestPathError`].
    pub fn parse(raw: &[u8]) -> Result<Self, GuestPathError> {
        if raw.len() > MAX_PATH_LEN {
            return Err(GuestPathError::TooLong(raw.len()));
        }
        if raw.contains(&0) {
            return Err(GuestPathError::Nul);
        }
        if raw.first() != Some(&b'/') {
            return Err(GuestPathError::NotAbsolute);
        }
        let mut path = Vec::with_capacity(raw.len());
        for component in raw.split(|&byte| byte == b'/') {
            match component {
                b"" | b"." => {}
                b".." => return Err(GuestPathError::Parent),
                name => {
                    path.push(b'/');
                    path.extend_from_slice(name);
                }
            }
        }
        if path.is_empty() {
            path.push(b'/');
        }
        Ok(Self(path))
    }

    /// The guest's root directory.
    #[must_use]
    pub fn root() -> Self {
        Self(b"/".to_vec())
    }

    /// The bytes, beginning with a slash.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for GuestPath {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{:?}", String::from_utf8_lossy(&self.0))
    }
}

impl From<GuestPath> for serde_bytes::ByteBuf {
    fn from(path: GuestPath) -> Self {
        Self::from(path.0)
    }
}

impl TryFrom<serde_bytes::ByteBuf> for GuestPath {
    type Error = GuestPathError;
    fn try_from(raw: serde_bytes::ByteBuf) -> Result<Self, GuestPathError> {
        Self::parse(&raw)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_normalised_or_refused() {
        type Row<'a> = (&'a [u8], Result<&'a [u8], GuestPathError>);
        let table: [Row; 8] = [
            (b"/", Ok(b"/")),
            (b"//a/./b//", Ok(b"/a/b")),
            (b"/\xff\n", Ok(b"/\xff\n")),
            (b"a", Err(GuestPathError::NotAbsolute)),
            (b"", Err(GuestPathError::NotAbsolute)),
            (b"/a/../b", Err(GuestPathError::Parent)),
            (b"/a\0b", Err(GuestPathError::Nul)),
            (&[b'/'; 5000], Err(GuestPathError::TooLong(5000))),
        ];
        for (raw, expected) in table {
            assert_eq!(GuestPath::parse(raw).map(|path| path.0), expected.map(<[u8]>::to_vec));
        }
    }
}
