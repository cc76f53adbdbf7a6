//! Files on the disk of a workspace that is stopped, or of a snapshot, page by page.

use super::path::DiskPath;
use super::source::{ask, failed};
use crate::config::Config;
use crate::disk::page::PageQuery;
use crate::disk::{DiskAnswer, DiskFault, DiskQuery, Node};
use crate::id::Id;
use crate::snapshot_name::Snapshot;
use crate::workspace::error::WorkspaceError;
use crate::workspace::file_error::FileError;
use crate::workspace::files::list::{ListedFile, MAX_LISTED_FILES, artifact_type, timestamp};
use crate::workspace::paths::ROOT;
use pyro_protocol::tree::Kind;
use serde::Serialize;

/// What to list.
#[derive(Clone, Debug)]
pub struct DiskListRequest {
    /// A directory, or anything else, which then lists itself.
    pub path: DiskPath,
    /// With all that is below it.
    pub recursive: bool,
    /// Of this snapshot, also while the workspace runs; else of the present disk.
    pub snapshot: Option<Snapshot>,
    /// Begin behind this path: [`DiskList::next_after`] of the page before.
    pub after: Option<DiskPath>,
    /// Entries of the page, at most [`MAX_LISTED_FILES`].
    pub limit: u64,
}

/// A page of files. The names are those of the contract; `snapshot`, `count` and `next_after` are
/// ours.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DiskList {
    /// The workspace.
    pub workspace_id: Id,
    /// What is listed.
    pub path: String,
    /// As requested.
    pub recursive: bool,
    /// The snapshot that was read; none for the present disk.
    pub snapshot: Option<String>,
    /// The entries, a directory before what it holds.
    pub entries: Vec<ListedFile>,
    /// How many are on this page.
    pub count: usize,
    /// What to ask for as `after` to get the next page; none on the last one.
    pub next_after: Option<String>,
}

/// List a page.
///
/// # Errors
/// [`FileError::OnDisk`]; [`WorkspaceError::NotStopped`].
pub async fn list(
    config: &Config,
    id: Id,
    request: &DiskListRequest,
) -> Result<DiskList, WorkspaceError> {
    let DiskListRequest { path, recursive, snapshot, after, limit } = request;
    let relative = |after: &DiskPath| {
        let outside = || FileError::After { after: after.to_text(), path: path.to_text() };
        after.below(path).ok_or_else(outside)
    };
    let query = DiskQuery::Page(PageQuery {
        path: path.as_bytes().to_vec(),
        follow: path.as_bytes() == ROOT.as_bytes(),
        recursive: *recursive,
        after: after.as_ref().map(relative).transpose()?,
        limit: usize::try_from((*limit).clamp(1, MAX_LISTED_FILES)).unwrap_or(usize::MAX),
    });
    let DiskAnswer::Page(page) = ask(config, id, snapshot.as_ref(), &query).await? else {
        let fault = DiskFault::Unreadable("its reader tells something else".to_owned());
        return Err(failed(fault.into()).into());
    };
    let entries: Vec<_> = page.nodes.iter().map(|node| listed(path, node)).collect();
    Ok(DiskList {
        workspace_id: id,
        path: path.to_text(),
        recursive: *recursive,
        snapshot: snapshot.as_ref().map(|snapshot| snapshot.name().to_owned()),
        count: entries.len(),
        next_after: entries.last().map(|last| last.path.clone()).filter(|_| page.more),
        entries,
    })
}

fn listed(root: &DiskPath, node: &Node) -> ListedFile {
    let kind = node.kind();
    ListedFile {
        path: root.join(&node.path),
        artifact_type: artifact_type(kind),
        size_bytes: if kind == Kind::File { node.size } else { 0 },
        link_target: (kind == Kind::Symlink && !node.target.is_empty())
            .then(|| String::from_utf8_lossy(&node.target).into_owned()),
        mode: format!("{:04o}", node.mode & 0o7777),
        mtime: timestamp(node.modified()),
    }
}
