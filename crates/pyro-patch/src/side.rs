//! `Side`: what a path is on one side of a change.

use crate::git::BlobId;
use crate::git::GitMode;
use serde::Serialize;

/// What a path is; a path that is not there has no side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Side {
    /// A regular file.
    File {
        /// Its permission bits (the lower twelve).
        mode: u32,
        /// What it holds.
        content: Content,
    },
    /// A symbolic link.
    Symlink {
        /// The bytes it points to.
        target: Vec<u8>,
    },
    /// A directory.
    Directory,
    /// A device, a socket, a pipe: named, never read.
    Other,
}

/// What a file holds, as far as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// All of it.
    Held(Vec<u8>),
    /// Too large to be held.
    Large {
        /// Its size in bytes.
        size: u64,
        /// Its blob id, where somebody took the trouble.
        id: Option<BlobId>,
    },
}

/// The kinds of things that the results name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ArtifactType {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// Anything else.
    Other,
}

impl ArtifactType {
    /// What to call it in a sentence.
    #[must_use]
    pub fn describe(self) -> &'static str {
        match self {
            Self::File => "a regular file",
            Self::Directory => "a directory",
            Self::Symlink => "a symbolic link",
            Self::Other => "a special file",
        }
    }
}

impl Side {
    /// A file with all of its bytes.
    #[must_use]
    pub fn file(mode: u32, bytes: impl Into<Vec<u8>>) -> Self {
        Self::File { mode, content: Content::Held(bytes.into()) }
    }

    /// A symbolic link.
    #[must_use]
    pub fn symlink(target: impl Into<Vec<u8>>) -> Self {
        Self::Symlink { target: target.into() }
    }

    /// What kind of thing it is.
    #[must_use]
    pub fn artifact(&self) -> ArtifactType {
        match self {
            Self::File { .. } => ArtifactType::File,
            Self::Symlink { .. } => ArtifactType::Symlink,
            Self::Directory => ArtifactType::Directory,
            Self::Other => ArtifactType::Other,
        }
    }

    /// Its mode as git keeps it; none for what git does not keep.
    #[must_use]
    pub fn git_mode(&self) -> Option<GitMode> {
        match self {
            Self::File { mode, .. } => Some(GitMode::of_file(*mode)),
            Self::Symlink { .. } => Some(GitMode::Symlink),
            Self::Directory | Self::Other => None,
        }
    }

    /// The bytes that git keeps of it, where they are held.
    #[must_use]
    pub fn blob(&self) -> Option<&[u8]> {
        match self {
            Self::File { content: Content::Held(bytes), .. } => Some(bytes),
            Self::Symlink { target } => Some(target),
            _ => None,
        }
    }

    /// The id that git gives its bytes, where it can be known.
    #[must_use]
    pub fn blob_id(&self) -> Option<BlobId> {
        match self {
            Self::File { content: Content::Large { id, .. }, .. } => *id,
            _ => self.blob().map(BlobId::of),
        }
    }
}
