//! Files of a workspace, page by page.

use crate::config::Config;
use crate::execution_mode::ExecutionMode;
use crate::guest::tree;
use crate::id::Id;
use crate::timestamp::Timestamp;
use crate::workspace::error::WorkspaceError;
use crate::workspace::file_error::FileError;
use crate::workspace::place::WorkspacePath;
use crate::workspace::running::Running;
use pyro_protocol::TreePath;
use pyro_protocol::files::List;
use pyro_protocol::tree::{Entry, Kind};
use serde::Serialize;

/// Entries of a page where nothing else is asked for.
pub const DEFAULT_LISTED_FILES: u64 = 1000;

/// Most entries of a page.
pub const MAX_LISTED_FILES: u64 = 100_000;

/// What to list.
#[derive(Clone, Debug)]
pub struct FileListRequest {
    /// A directory, or anything else, which then lists itself.
    pub path: WorkspacePath,
    /// With all that is below it.
    pub recursive: bool,
    /// Begin behind this path: [`FileList::next_after`] of the page before.
    pub after: Option<WorkspacePath>,
    /// Entries of the page, at most [`MAX_LISTED_FILES`].
    pub limit: u64,
}

/// A page of files. The names are those of the contract; `count`, `next_after`, and of an entry
/// `mode` and `mtime` are ours.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FileList {
    /// The workspace.
    pub workspace_id: Id,
    /// What is listed.
    pub path: String,
    /// As requested.
    pub recursive: bool,
    /// The entries, a directory before what it holds.
    pub entries: Vec<ListedFile>,
    /// How many are on this page.
    pub count: usize,
    /// What to ask for as `after` to get the next page; none on the last one.
    pub next_after: Option<String>,
    /// Where it ran.
    pub execution_mode: ExecutionMode,
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ListedFile {
    /// Absolute; quoted as git quotes it when it is not UTF-8.
    pub path: String,
    /// `file`, `directory`, `symlink`, `fifo`, `socket`, `char_device`, `block_device` or
    /// `unknown`.
    pub artifact_type: &'static str,
    /// Length in bytes; 0 of what is no file.
    pub size_bytes: u64,
    /// What a link points to.
    pub link_target: Option<String>,
    /// Permission bits in octal digits.
    pub mode: String,
    /// Last change of the content, in seconds since 1970.
    pub mtime: Timestamp,
}

/// List a page.
///
/// # Errors
/// [`FileError::After`]; [`WorkspaceError::Guest`] when there is nothing at the path.
pub async fn list(
    config: &Config,
    id: Id,
    request: FileListRequest,
) -> Result<FileList, WorkspaceError> {
    let running = Running::open(config, id).await?;
    running.touch()?;
    let after = request.after.as_ref().map(|after| relative(after, &request.path)).transpose()?;
    let limit = request.limit.clamp(1, MAX_LISTED_FILES);
    let asked = List {
        root: request.path.guest(),
        follow: request.path.is_root(),
        depth: (!request.recursive).then_some(1),
        // The directory itself comes first and is left out.
        limit: Some(limit + u64::from(after.is_none())),
        after,
        exclude: Vec::new(),
    };
    let mut listing =
        tree::list(running.files().await?, asked).await.map_err(WorkspaceError::Guest)?;
    let mut found = Vec::new();
    while let Some(entries) = listing.next().await.map_err(WorkspaceError::Guest)? {
        found.extend(entries.into_iter().filter(|entry| {
            !(entry.path.is_root() && entry.meta.kind == Kind::Directory && entry.meta.errno == 0)
        }));
    }
    let more = listing.listed().is_some_and(|listed| listed.more);
    let last = found.last().map(|entry| request.path.join(&entry.path).to_text());
    let entries: Vec<_> = found.iter().map(|entry| ListedFile::of(&request.path, entry)).collect();
    Ok(FileList {
        workspace_id: id,
        path: request.path.to_text(),
        recursive: request.recursive,
        count: entries.len(),
        entries,
        next_after: last.filter(|_| more),
        execution_mode: running.vm.execution_mode,
    })
}

fn relative(after: &WorkspacePath, path: &WorkspacePath) -> Result<TreePath, FileError> {
    let outside = || FileError::After { after: after.to_text(), path: path.to_text() };
    if path.is_root() {
        return Ok(after.tree().clone());
    }
    let below = after.tree().as_bytes().strip_prefix(path.tree().as_bytes()).ok_or_else(outside)?;
    let below = below.strip_prefix(b"/").ok_or_else(outside)?;
    TreePath::parse(below).map_err(|_| outside())
}

impl ListedFile {
    fn of(root: &WorkspacePath, entry: &Entry) -> Self {
        let meta = &entry.meta;
        Self {
            path: root.join(&entry.path).to_text(),
            artifact_type: artifact_type(meta.kind),
            size_bytes: if meta.kind == Kind::File { meta.size } else { 0 },
            link_target: (meta.kind == Kind::Symlink)
                .then(|| String::from_utf8_lossy(&entry.target).into_owned()),
            mode: format!("{:04o}", meta.mode),
            mtime: timestamp(meta.mtime),
        }
    }
}

/// The name of a kind in results.
#[must_use]
pub fn artifact_type(kind: Kind) -> &'static str {
    match kind {
        Kind::File | Kind::HardLink => "file",
        Kind::Directory => "directory",
        Kind::Symlink => "symlink",
        Kind::Fifo => "fifo",
        Kind::Socket => "socket",
        Kind::CharDevice => "char_device",
        Kind::BlockDevice => "block_device",
        Kind::Unknown => "unknown",
    }
}

#[allow(clippy::cast_precision_loss, reason = "a time for people: microseconds are enough")]
pub(in crate::workspace) fn timestamp(time: pyro_protocol::tree::Time) -> Timestamp {
    Timestamp::from_seconds(time.seconds as f64 + f64::from(time.nanoseconds) / 1e9)
}
