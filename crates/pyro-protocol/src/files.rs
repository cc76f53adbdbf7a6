//! Requests for files, trees and stages; all paths are resolved below the root that commands have.
//!
//! Content and lists travel as data frames: [`crate::FrameKind::Input`] from the host, closed by
//! `InputEnd`, `Stdout` from the agent. They hold the records of [`crate::tree`], except the plain
//! bytes of a read and a write.

use crate::path::GuestPath;
use crate::tree_path::TreePath;
use serde::{Deserialize, Serialize};

/// List a tree: one [`crate::tree::Record::Entry`] for each node, a directory before what it holds,
/// names sorted by their bytes; then [`crate::message::Reply::Listed`]. What cannot be looked at is
/// an entry with its error. Other filesystems that are mounted in the tree are named, not entered.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct List {
    /// The tree's root; it comes first, with an empty path.
    pub root: GuestPath,
    /// Follow a link that the root's last component is.
    #[serde(default)]
    pub follow: bool,
    /// How many levels below the root are listed: 0 for the root alone.
    #[serde(default)]
    pub depth: Option<u32>,
    /// Begin behind this path: the last one of the page before.
    #[serde(default)]
    pub after: Option<TreePath>,
    /// Most entries to list.
    #[serde(default)]
    pub limit: Option<u64>,
    /// Paths that are left out, each with all below it.
    #[serde(default)]
    pub exclude: Vec<TreePath>,
}

/// BLAKE3 digests of files: [`crate::tree::Record::Path`] come in, a
/// [`crate::tree::Record::Digest`] goes out for each, in the same order. Links are not followed
/// anywhere in the paths.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Digest {
    /// What the paths are relative to.
    pub root: GuestPath,
}

/// Read a file: an entry record in a frame of its own, then plain bytes, then
/// [`crate::message::Reply::Done`]. Only regular files are read; fewer bytes than asked for mean
/// that the file ended there.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Read {
    /// The file.
    pub path: GuestPath,
    /// First byte.
    pub offset: u64,
    /// Most bytes; all when absent.
    pub length: Option<u64>,
    /// Follow a link that the last component is.
    pub follow: bool,
}

/// Write a file whole or not at all: plain bytes come in, an entry record of the written file goes
/// out. It is durable when [`crate::message::Reply::Done`] is sent. Only a regular file is
/// replaced; its owner stays.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Write {
    /// The file; its last component is never followed.
    pub path: GuestPath,
    /// Permission bits; when absent those of the file that is replaced, else 0644.
    pub mode: Option<u32>,
    /// Make the directories above it that are missing, with mode 0755.
    pub create_parents: bool,
    /// How many bytes come; any other number is a failure.
    pub size: u64,
}

/// Make a directory; durable when done. One that is there is fine when `parents` is set.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Mkdir {
    /// The directory.
    pub path: GuestPath,
    /// Permission bits of the last component.
    pub mode: u32,
    /// Make the directories above it that are missing, with mode 0755.
    pub parents: bool,
}

/// Send a tree with its contents: entries, each file's followed by its data and its end; holes are
/// left out. Special files are entries without content. [`crate::message::Reply::Done`] ends it.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Pack {
    /// The tree's root.
    pub root: GuestPath,
    /// Follow a link that the root's last component is.
    pub follow: bool,
    /// Paths that are left out, each with all below it; only when the whole tree is sent.
    pub exclude: Vec<TreePath>,
    /// Send only the nodes whose [`crate::tree::Record::Path`] come in, in that order; a directory
    /// without what it holds.
    pub listed: bool,
    /// Say which nodes have extended attributes, by [`crate::tree::Record::Attributes`]; only when
    /// the whole tree is sent.
    #[serde(default)]
    pub attributes: bool,
}

/// Make a tree from what [`Pack`] sends; durable when [`crate::message::Reply::Done`] is sent (a
/// stage only when it is committed). Nothing is ever overwritten. When it fails, what was made is
/// removed.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Unpack {
    /// Where.
    pub into: Into,
    /// Give the files their entries' owner and group; otherwise they are the agent's user's.
    pub owners: bool,
}

/// Where a tree is made.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Into {
    /// In a directory that is empty or does not exist; its parent does.
    Empty(GuestPath),
    /// In a new stage.
    Stage(Stage),
}

/// A place for changes that are not in force yet.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Stage {
    /// Directory that holds all stages, on the filesystem of the trees they are for; made when it
    /// is missing.
    pub area: GuestPath,
    /// Chosen by the host, never used twice.
    pub id: u64,
}

impl Stage {
    /// The directory's name in its area.
    #[must_use]
    pub fn name(&self) -> String {
        format!("stage-{:016x}", self.id)
    }

    /// Where what is staged for `path` can be looked at; the area where that would be too long to
    /// be a path.
    #[must_use]
    pub fn tree_at(&self, path: &TreePath) -> GuestPath {
        let mut full = [self.area.as_bytes(), b"/", self.name().as_bytes(), b"/tree"].concat();
        if !path.is_root() {
            full.push(b'/');
            full.extend_from_slice(path.as_bytes());
        }
        GuestPath::parse(&full).unwrap_or_else(|_| self.area.clone())
    }
}

/// Put a plan in force: [`crate::tree::Record::Step`]s come in. Every step is checked before the
/// first one is done, the plan is durable before that, and a crash on the way is mended by
/// [`Recover`]. The stage is gone afterwards. Durable when [`crate::message::Reply::Done`] is sent;
/// nothing has changed when [`crate::message::Reply::Failed`] is, with
/// [`crate::message::FailureKind::Conflict`] when a step met something else than it expected.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Commit {
    /// Holds what is put; it need not exist for a plan that puts nothing.
    pub stage: Stage,
    /// The tree that is changed.
    pub root: GuestPath,
}

/// Finish the plans that a crash has interrupted and remove all other stages;
/// [`crate::message::Reply::Recovered`]. For the host to send after each mount of a disk that
/// stages are used on.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Recover {
    /// As in [`Stage`].
    pub area: GuestPath,
}

/// Keep a stage until the host closes the stream or sends `InputEnd`: then it is removed, unless a
/// plan in it is in force; [`crate::message::Reply::Done`]. For the host to send before it stages
/// anything, so that nothing stays of one that is killed before it commits.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Hold {
    /// The stage; it need not exist yet.
    pub stage: Stage,
}

/// Hold all writes to the mounted disk: [`crate::message::Reply::Frozen`], then the host closes the
/// stream or sends `InputEnd`, then they go on ([`crate::message::Reply::Done`]). They also go on
/// when the limit is over.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Freeze {
    /// Milliseconds after which writes go on in any case, at most [`MAX_FREEZE_MS`].
    pub limit_ms: u32,
}

/// Longest freeze, in milliseconds.
pub const MAX_FREEZE_MS: u32 = 60_000;

/// How a listing ended.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Listed {
    /// Entries that were sent.
    pub entries: u64,
    /// Whether the limit left entries out.
    pub more: bool,
}

/// What a recovery did.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq, Eq)]
pub struct Recovered {
    /// Interrupted plans that were finished.
    pub finished: u64,
    /// Stages without a plan that were removed.
    pub removed: u64,
    /// What could be neither finished nor removed and lies aside in the area, each with the reason;
    /// for a person.
    #[serde(default)]
    pub set_aside: Vec<String>,
}
