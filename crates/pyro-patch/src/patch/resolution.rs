//! What a patch comes to: what is to be done, and what happens to which path.

use crate::side::{Content, Side};
use pyro_protocol::TreePath;
use serde::Serialize;

/// What is to be done; all of it, in this order, or nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resolution {
    /// What to do: removals first, the deepest first; then what is made, sorted by path.
    pub actions: Vec<Action>,
    /// What happens to which path, sorted by the bytes of the paths.
    pub outcomes: Vec<(TreePath, PatchStatus)>,
}

/// What happened to a path; a rename is a deletion and an addition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PatchStatus {
    /// It was not there.
    Added,
    /// Its content, its mode or its kind changed.
    Modified,
    /// It is gone.
    Deleted,
}

/// One step. Directories on the way to what is made are made too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Remove a file or a link, and the directories that are empty then, as git does.
    Remove {
        /// Which.
        path: TreePath,
    },
    /// A file takes a directory's place: before anything is done, make sure that this holds nothing
    /// but directories and what the patch removes.
    RemoveDirectory {
        /// Which.
        path: TreePath,
    },
    /// Put a file there, in place of a file or a link, or of nothing.
    WriteFile {
        /// Where.
        path: TreePath,
        /// Its permission bits.
        mode: u32,
        /// All it holds.
        bytes: Vec<u8>,
    },
    /// Change a file's permission bits.
    Chmod {
        /// Which.
        path: TreePath,
        /// The bits.
        mode: u32,
    },
    /// Put a link there, in place of a file or a link, or of nothing.
    Symlink {
        /// Where.
        path: TreePath,
        /// What it points to.
        target: Vec<u8>,
    },
}

/// What puts a side in the place of the one before.
pub(super) fn action(path: &TreePath, before: Option<&Side>, side: Side) -> Option<Action> {
    let path = path.clone();
    let same_bytes = before
        .is_some_and(|before| before.artifact() == side.artifact() && before.blob() == side.blob());
    match side {
        Side::File { mode, .. } if same_bytes => Some(Action::Chmod { path, mode }),
        Side::File { mode, content: Content::Held(bytes) } => {
            Some(Action::WriteFile { path, mode, bytes })
        }
        Side::Symlink { target } => Some(Action::Symlink { path, target }),
        // Applying makes nothing else.
        Side::File { .. } | Side::Directory | Side::Other => None,
    }
}
