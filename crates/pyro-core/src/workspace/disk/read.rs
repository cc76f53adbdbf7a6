//! A part of a file on the disk of a workspace that is stopped, or of a snapshot.

use super::path::DiskPath;
use super::source::{ask, failed};
use crate::config::Config;
use crate::disk::part::PartQuery;
use crate::disk::{DiskAnswer, DiskFault, DiskQuery};
use crate::id::Id;
use crate::snapshot_name::Snapshot;
use crate::timestamp::Timestamp;
use crate::workspace::error::WorkspaceError;
use crate::workspace::files::list::timestamp;
use crate::workspace::files::read::{MAX_READ_BYTES, cut};
use pyro_patch::git::quote;
use serde::Serialize;

/// What to read.
#[derive(Clone, Debug)]
pub struct DiskReadRequest {
    /// A file, or a link to one.
    pub path: DiskPath,
    /// Of this snapshot, also while the workspace runs; else of the present disk.
    pub snapshot: Option<Snapshot>,
    /// Where the part begins, in bytes.
    pub offset: u64,
    /// Its length in bytes, at most [`MAX_READ_BYTES`].
    pub max_bytes: u64,
}

/// A part of a file. The names are those of the contract; `snapshot`, `real_path`, `offset`,
/// `bytes_read`, `content_encoding`, `mode` and `mtime` are ours.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DiskRead {
    /// The workspace.
    pub workspace_id: Id,
    /// The file.
    pub path: String,
    /// The file that was read, where links lead there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub real_path: Option<String>,
    /// The snapshot that was read; none for the present disk.
    pub snapshot: Option<String>,
    /// Length of the whole file, in bytes.
    pub size_bytes: u64,
    /// The limit that was applied, in bytes.
    pub max_bytes: u64,
    /// Where the part begins, in bytes.
    pub offset: u64,
    /// Length of the part, in bytes: it ends before a character that is cut, so that the next part
    /// has it whole.
    pub bytes_read: u64,
    /// The part as text.
    pub content: String,
    /// `utf-8`, or `utf-8-replaced` where invalid bytes were replaced.
    pub content_encoding: &'static str,
    /// Whether the file goes on behind the part.
    pub truncated: bool,
    /// Permission bits in octal digits.
    pub mode: String,
    /// Last change of the content, in seconds since 1970.
    pub mtime: Timestamp,
    /// The part as it is.
    #[serde(skip)]
    pub bytes: Vec<u8>,
}

/// Read a part; links are followed, and lead nowhere but on the disk.
///
/// # Errors
/// [`crate::workspace::files::FileError::OnDisk`]; [`WorkspaceError::NotStopped`].
pub async fn read(
    config: &Config,
    id: Id,
    request: &DiskReadRequest,
) -> Result<DiskRead, WorkspaceError> {
    let DiskReadRequest { path, snapshot, offset, max_bytes } = request;
    let max_bytes = (*max_bytes).clamp(1, MAX_READ_BYTES);
    let query = PartQuery { path: path.as_bytes().to_vec(), offset: *offset, len: max_bytes };
    let answer = ask(config, id, snapshot.as_ref(), &DiskQuery::Part(query)).await?;
    let DiskAnswer::Part(part) = answer else {
        let fault = DiskFault::Unreadable("its reader tells something else".to_owned());
        return Err(failed(fault.into()).into());
    };
    let (mut bytes, size) = (part.bytes, part.node.size);
    cut(&mut bytes, *offset, size);
    let bytes_read = bytes.len() as u64;
    let is_text = std::str::from_utf8(&bytes).is_ok();
    Ok(DiskRead {
        workspace_id: id,
        path: path.to_text(),
        real_path: (part.path != path.as_bytes()).then(|| quote::text(&part.path)),
        snapshot: snapshot.as_ref().map(|snapshot| snapshot.name().to_owned()),
        size_bytes: size,
        max_bytes,
        offset: *offset,
        bytes_read,
        content: String::from_utf8_lossy(&bytes).into_owned(),
        content_encoding: if is_text { "utf-8" } else { "utf-8-replaced" },
        truncated: offset.saturating_add(bytes_read) < size,
        mode: format!("{:04o}", part.node.mode & 0o7777),
        mtime: timestamp(part.node.modified()),
        bytes,
    })
}
