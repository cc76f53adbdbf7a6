//! Paths as a patch names them: below the root of a tree, checked where they enter.

use pyro_protocol::TreePath;
use pyro_protocol::tree_path::TreePathError;

/// Where models know the root of the tree to be: they write absolute names too.
const ROOT: &[u8] = b"/workspace/";

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

impl From<TreePathError> for PathError {
    fn from(error: TreePathError) -> Self {
        match error {
            TreePathError::Absolute => Self::Absolute,
            TreePathError::Nul => Self::Nul,
            TreePathError::NotNormal => Self::NotNormal,
            TreePathError::TooLong(_) => Self::TooLong,
        }
    }
}

/// Take a relative path, or an absolute one below `/workspace`; never the root itself.
///
/// # Errors
/// Each variant of [`PathError`].
pub(crate) fn parse(raw: &[u8]) -> Result<TreePath, PathError> {
    let path = TreePath::parse(raw.strip_prefix(ROOT).unwrap_or(raw))?;
    if path.is_root() { Err(PathError::Empty) } else { Ok(path) }
}

#[cfg(test)]
mod tests {
    use super::{PathError, parse};

    #[test]
    fn only_normal_paths_below_the_workspace_pass() {
        for (raw, found) in [
            (&b"a/b"[..], Ok("a/b")),
            (b"/workspace/a", Ok("a")),
            (b"workspace/a", Ok("workspace/a")),
            (b"a b\nc", Ok("a b\\nc")),
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
            assert_eq!(
                parse(raw).map(|path| path.to_string()),
                found.map(str::to_owned),
                "{raw:?}"
            );
        }
    }
}
