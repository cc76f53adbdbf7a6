//! `WorkspacePath`: a place at or below `/workspace`, parsed where it enters.

use crate::workspace::paths::ROOT;
use pyro_patch::git::quote;
use pyro_protocol::{GuestPath, TreePath};

/// A path at or below `/workspace`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkspacePath(TreePath);

/// Text that names nothing below `/workspace`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// Nothing stands there.
    #[error("a path must not be empty")]
    Empty,
    /// It is absolute and elsewhere.
    #[error("{0} is not below {ROOT}")]
    Elsewhere(String),
    /// It goes up.
    #[error("{0} holds '..'")]
    Up(String),
    /// No file can be called so.
    #[error("{0} is no path: it is too long, or holds a NUL byte")]
    NoPath(String),
}

impl WorkspacePath {
    /// `/workspace` itself.
    #[must_use]
    pub(crate) fn root() -> Self {
        Self(TreePath::root())
    }

    /// Take a path relative to `/workspace`, or an absolute one below it; in quotes as git writes a
    /// name that is no UTF-8.
    ///
    /// # Errors
    /// [`PlaceError`].
    pub fn parse(raw: &[u8]) -> Result<Self, PlaceError> {
        // What a script's empty variable leaves must not stand for all of it.
        if raw.trim_ascii().is_empty() {
            return Err(PlaceError::Empty);
        }
        match quote::unquote(raw) {
            Some((plain, [])) if raw.starts_with(b"\"") => Self::plain(&plain),
            _ => Self::plain(raw),
        }
    }

    fn plain(raw: &[u8]) -> Result<Self, PlaceError> {
        let shown = || crate::host::terminal::printable(raw);
        let mut names: Vec<&[u8]> =
            raw.split(|byte| *byte == b'/').filter(|name| !matches!(*name, b"" | b".")).collect();
        if names.contains(&b"..".as_slice()) {
            return Err(PlaceError::Up(shown()));
        }
        if raw.starts_with(b"/") {
            if names.first() != Some(&&ROOT.as_bytes()[1..]) {
                return Err(PlaceError::Elsewhere(shown()));
            }
            names.remove(0);
        }
        TreePath::parse(&names.join(&b'/')).map(Self).map_err(|_| PlaceError::NoPath(shown()))
    }

    /// The path relative to `/workspace`.
    #[must_use]
    pub(crate) fn tree(&self) -> &TreePath {
        &self.0
    }

    /// Whether it is `/workspace` itself.
    #[must_use]
    pub(crate) fn is_root(&self) -> bool {
        self.0.is_root()
    }

    /// The path in the guest.
    #[must_use]
    pub(crate) fn guest(&self) -> GuestPath {
        GuestPath::parse(&self.absolute()).unwrap_or_else(|_| GuestPath::root())
    }

    /// What is at `below` seen from here.
    #[must_use]
    pub(crate) fn join(&self, below: &TreePath) -> Self {
        Self(joined(&self.0, below))
    }

    /// The absolute path as text; quoted as git quotes it when it is not UTF-8.
    #[must_use]
    pub fn to_text(&self) -> String {
        quote::text(&self.absolute())
    }

    fn absolute(&self) -> Vec<u8> {
        if self.is_root() {
            ROOT.into()
        } else {
            [ROOT.as_bytes(), b"/", self.0.as_bytes()].concat()
        }
    }
}

/// `below`, seen from where `above` is seen; `above` itself where that would be too long to be a
/// path.
#[must_use]
pub fn joined(above: &TreePath, below: &TreePath) -> TreePath {
    if above.is_root() || below.is_root() {
        return if above.is_root() { below.clone() } else { above.clone() };
    }
    TreePath::parse(&[above.as_bytes(), b"/", below.as_bytes()].concat())
        .unwrap_or_else(|_| above.clone())
}

#[cfg(test)]
mod tests {
    use super::WorkspacePath;

    #[test]
    fn paths_are_normal_or_refused() {
        for (raw, absolute) in [
            (".", "/workspace"),
            ("/workspace/", "/workspace"),
            ("a//b/./c/", "/workspace/a/b/c"),
            ("/workspace/a b", "/workspace/a b"),
            ("workspace/a", "/workspace/workspace/a"),
            ("\"a\\377\"", "\"/workspace/a\\377\""),
        ] {
            assert_eq!(WorkspacePath::parse(raw.as_bytes()).unwrap().to_text(), absolute, "{raw}");
        }
        for raw in [
            "",
            " \t\n",
            "..",
            "a/../b",
            "/etc/passwd",
            "/workspaces/a",
            "/",
            "a\0b",
            &"n".repeat(256),
        ] {
            assert!(WorkspacePath::parse(raw.as_bytes()).is_err(), "{raw}");
        }
    }
}
