//! The failures of trees on the host.

use pyro_protocol::TreePath;
use pyro_protocol::tree::{Kind, RecordError};
use pyro_tree::TreeError;
use rustix::io::Errno;
use std::path::PathBuf;

/// A tree on the host that cannot be read or made.
#[derive(Debug, thiserror::Error)]
pub enum HostTreeError {
    /// The path itself cannot be used.
    #[error("cannot {action} {}", path.display())]
    Root {
        /// What was tried, as a verb.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The kernel's answer.
        #[source]
        source: Errno,
    },
    /// Something is there already.
    #[error("{} exists", path.display())]
    Exists {
        /// Where.
        path: PathBuf,
    },
    /// A directory is there that is not empty, and what is to appear is none.
    #[error("{} is a directory that holds something", path.display())]
    Full {
        /// Where.
        path: PathBuf,
    },
    /// Nodes that cannot be carried, found before anything was sent.
    #[error("{}", refused(.0, *.1))]
    Refused(Vec<(TreePath, Refusal)>, usize),
    /// The tree that is being made.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// The stream holds something else.
    #[error("the stream is malformed")]
    Record(#[from] RecordError),
}

/// Why a node is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is neither a file nor a directory nor a link.
    Special(Kind),
    /// It cannot be read.
    Unreadable(Errno),
}

fn refused(named: &[(TreePath, Refusal)], count: usize) -> String {
    let mut words: Vec<String> = named
        .iter()
        .map(|(path, why)| match why {
            Refusal::Special(kind) => {
                format!("{path} is a {}, which cannot be carried", kind.name())
            }
            Refusal::Unreadable(errno) => format!("{path} cannot be read: {errno}"),
        })
        .collect();
    if count > named.len() {
        words.push(format!("and {} more", count - named.len()));
    }
    words.join("; ")
}
