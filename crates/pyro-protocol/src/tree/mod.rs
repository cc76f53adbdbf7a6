//! Trees on the wire: nodes, contents and changes as compact records, many in one data frame.
//!
//! Records are fixed little-endian fields, not CBOR: an emulated guest writes one for each of many
//! thousand files. A record never spans two frames, so a reader holds one frame and no state but
//! the file that it is in.

mod batch;
mod records;
#[cfg(test)]
mod tests;

pub use batch::Batch;
pub use records::Records;

use crate::tree_path::{TreePath, TreePathError};

/// What stands at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    /// Nothing is known: it could not be looked at.
    Unknown = 0,
    /// A regular file.
    File = 1,
    /// A directory.
    Directory = 2,
    /// A symbolic link; the target is its content, never followed.
    Symlink = 3,
    /// A named pipe.
    Fifo = 4,
    /// A socket.
    Socket = 5,
    /// A character device.
    CharDevice = 6,
    /// A block device.
    BlockDevice = 7,
    /// In an archive: another name of the file that the target names within the same tree.
    HardLink = 8,
}

impl Kind {
    fn parse(byte: u8) -> Option<Self> {
        Some(match byte {
            0 => Self::Unknown,
            1 => Self::File,
            2 => Self::Directory,
            3 => Self::Symlink,
            4 => Self::Fifo,
            5 => Self::Socket,
            6 => Self::CharDevice,
            7 => Self::BlockDevice,
            8 => Self::HardLink,
            _ => return None,
        })
    }

    /// The kind in a file's `st_mode`.
    #[must_use]
    pub fn from_mode(mode: u32) -> Self {
        match mode & 0o17_0000 {
            0o10_0000 => Self::File,
            0o04_0000 => Self::Directory,
            0o12_0000 => Self::Symlink,
            0o01_0000 => Self::Fifo,
            0o14_0000 => Self::Socket,
            0o02_0000 => Self::CharDevice,
            0o06_0000 => Self::BlockDevice,
            _ => Self::Unknown,
        }
    }

    /// Whether it can be carried in an archive of ours.
    #[must_use]
    pub fn is_carried(self) -> bool {
        matches!(self, Self::File | Self::Directory | Self::Symlink | Self::HardLink)
    }

    /// Its name for a person.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unreadable",
            Self::File => "file",
            Self::Directory => "directory",
            Self::Symlink => "symbolic link",
            Self::Fifo => "named pipe",
            Self::Socket => "socket",
            Self::CharDevice => "character device",
            Self::BlockDevice => "block device",
            Self::HardLink => "hard link",
        }
    }
}

/// A moment since 1970 (UTC).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time {
    /// Whole seconds, rounded down.
    pub seconds: i64,
    /// Nanoseconds beyond them, below 1,000,000,000.
    pub nanoseconds: u32,
}

impl Time {
    /// Nanoseconds since 1970.
    #[must_use]
    pub fn as_nanoseconds(self) -> i128 {
        i128::from(self.seconds) * 1_000_000_000 + i128::from(self.nanoseconds)
    }
}

/// What `stat` knows of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meta {
    /// What it is.
    pub kind: Kind,
    /// Linux error number of what could not be had of it, 0 when all is well.
    pub errno: u16,
    /// Permission bits, with set-user-id, set-group-id and sticky (`07777`).
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Number of names.
    pub nlink: u32,
    /// Length in bytes.
    pub size: u64,
    /// Room taken, in units of 512 bytes.
    pub blocks: u64,
    /// Inode number.
    pub ino: u64,
    /// Last change of the content.
    pub mtime: Time,
    /// Last change of content or metadata.
    pub ctime: Time,
}

impl Meta {
    /// A node of which only this is known.
    #[must_use]
    pub fn new(kind: Kind, mode: u32) -> Self {
        let zero = Time::default();
        Self {
            kind,
            errno: 0,
            mode,
            uid: 0,
            gid: 0,
            nlink: 1,
            size: 0,
            blocks: 0,
            ino: 0,
            mtime: zero,
            ctime: zero,
        }
    }
}

/// A node of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where it is, relative to the tree's root.
    pub path: TreePath,
    /// What it is.
    pub meta: Meta,
    /// Target of a symbolic link, as it is; of a hard link in an archive, a path within the tree.
    pub target: Vec<u8>,
}

/// What a change expects to find; otherwise nothing of the whole plan is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Anything or nothing.
    Any,
    /// Nothing.
    Absent,
    /// Some node of this kind.
    Kind(Kind),
    /// The very node that was seen before, unchanged.
    Same {
        /// Its kind.
        kind: Kind,
        /// Its inode number.
        ino: u64,
        /// Its length in bytes.
        size: u64,
        /// Last change of its content.
        mtime: Time,
    },
}

impl Expect {
    /// The node that a manifest has shown, unchanged.
    #[must_use]
    pub fn same(meta: &Meta) -> Self {
        Self::Same { kind: meta.kind, ino: meta.ino, size: meta.size, mtime: meta.mtime }
    }

    /// Whether what stands there (or nothing) is what is expected.
    #[must_use]
    pub fn is_met_by(&self, found: Option<&Meta>) -> bool {
        match (self, found) {
            (Self::Any, _) | (Self::Absent, None) => true,
            (Self::Kind(kind), Some(found)) => *kind == found.kind,
            (Self::Same { .. }, Some(found)) => *self == Self::same(found),
            _ => false,
        }
    }
}

/// What is done to one path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Put what is staged at the same path in its place, a directory with all that is staged below
    /// it.
    Put,
    /// Remove what is there, a directory with all that it holds.
    Delete,
    /// Set permission bits or the time of the last change of what is there; never through a link.
    Set {
        /// Permission bits (`07777`).
        mode: Option<u32>,
        /// Last change of the content.
        mtime: Option<Time>,
    },
}

/// One change of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Where, relative to the tree's root. No path of a plan equals or lies below that of a put or
    /// a delete.
    pub path: TreePath,
    /// What must be there.
    pub expect: Expect,
    /// What is done.
    pub action: Action,
}

/// The digest of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest {
    /// What it was when it was read; `errno` says why there is no digest.
    pub meta: Meta,
    /// BLAKE3 of its content.
    pub blake3: [u8; 32],
}

/// One record, borrowed from its frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record<'a> {
    /// A node. In an archive a file's content follows: [`Record::Data`] in rising order, then
    /// [`Record::End`].
    Entry {
        /// A checked path.
        path: &'a [u8],
        /// What it is.
        meta: Meta,
        /// See [`Entry::target`].
        target: &'a [u8],
    },
    /// Content of the file that was named last; what is skipped is a hole.
    Data {
        /// Where in the file, in bytes.
        offset: u64,
        /// The content.
        bytes: &'a [u8],
    },
    /// The file that was named last is complete.
    End {
        /// Its length as far as it could be read, in bytes.
        size: u64,
        /// Whether it changed while it was read: its parts may be of different moments.
        changed: bool,
        /// Linux error number that ended the reading, 0 when all is well.
        errno: u16,
    },
    /// A path of a list; checked.
    Path(&'a [u8]),
    /// A digest, in the order of the list.
    Digest(Digest),
    /// A change of a plan.
    Step(Step),
    /// The node that was named last has extended attributes, which are not sent. Comes behind its
    /// content, and only where [`crate::files::Pack::attributes`] asks for it.
    Attributes,
}

/// Bytes that are not records.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum RecordError {
    /// It ends in the middle of a record.
    #[error("a record is cut off")]
    Short,
    /// No such record, kind or option in this version of the wire.
    #[error("unknown record or option {0}")]
    Unknown(u8),
    /// A path in it is not one.
    #[error(transparent)]
    Path(#[from] TreePathError),
    /// A time with more than a second of nanoseconds, or a link's target that is none.
    #[error("a field of a record is out of bounds")]
    Field,
}

const ENTRY: u8 = 1;
const DATA: u8 = 2;
const END: u8 = 3;
const PATH: u8 = 4;
const DIGEST: u8 = 5;
const STEP: u8 = 6;
const ATTRIBUTES: u8 = 7;

/// Longest target of a link, in bytes.
const MAX_TARGET_LEN: usize = 4096;
