//! `TreeError`: what went wrong, and at which path of the tree.

use pyro_protocol::tree::{Kind, RecordError};
use pyro_protocol::{TreePath, tree_path};
use rustix::io::Errno;

/// A tree that cannot be read or made.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// A system call failed.
    #[error("cannot {action} {path}")]
    System {
        /// What was tried, as a verb.
        action: &'static str,
        /// On what.
        path: TreePath,
        /// The kernel's answer.
        #[source]
        source: Errno,
    },
    /// Neither a file nor a directory nor a link.
    #[error("{path} is a {}, which cannot be carried", kind.name())]
    Special {
        /// Where.
        path: TreePath,
        /// What.
        kind: Kind,
    },
    /// Two entries have the same path.
    #[error("{path} is there already")]
    Exists {
        /// Where.
        path: TreePath,
    },
    /// A directory on the way is a link or no directory.
    #[error("{path} lies beyond a link or a file")]
    Beyond {
        /// Where.
        path: TreePath,
    },
    /// A record that has no place there: content without a file, a file without its end.
    #[error("the stream is out of order after {path}")]
    Order {
        /// The last path.
        path: TreePath,
    },
    /// The stream is larger than its receiver allows.
    #[error("the tree is larger than {limit} {unit}")]
    TooMuch {
        /// How many are allowed.
        limit: u64,
        /// Of what.
        unit: &'static str,
    },
    /// The stream is no stream of records.
    #[error("the stream is malformed")]
    Record(#[from] RecordError),
}

impl TreeError {
    /// The kernel's answer to `action` on a checked path.
    pub(crate) fn system(action: &'static str, path: &[u8], source: Errno) -> Self {
        Self::System { action, path: owned(path), source }
    }

    /// The kernel's answer, where there is one.
    #[must_use]
    pub fn errno(&self) -> Option<Errno> {
        match self {
            Self::System { source, .. } => Some(*source),
            _ => None,
        }
    }
}

/// A path that was checked where it entered.
pub(crate) fn owned(path: &[u8]) -> TreePath {
    debug_assert!(tree_path::check(path).is_ok(), "paths are checked where they enter");
    TreePath::parse(path).unwrap_or_default()
}
