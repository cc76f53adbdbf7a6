//! A part of a file of a workspace.

use super::follow::follow;
use super::list::timestamp;
use crate::config::Config;
use crate::execution_mode::ExecutionMode;
use crate::guest::client::ClientError;
use crate::guest::file;
use crate::id::Id;
use crate::redaction::MARK;
use crate::timestamp::Timestamp;
use crate::vm::output::whole_characters;
use crate::workspace::error::WorkspaceError;
use crate::workspace::file_error::FileError;
use crate::workspace::place::WorkspacePath;
use crate::workspace::running::Running;
use crate::workspace::secrets::Secrets;
use pyro_protocol::files::Read;
use pyro_protocol::message::FailureKind;
use serde::Serialize;
use std::ops::Range;

/// Bytes that are read where nothing else is asked for.
pub const DEFAULT_READ_BYTES: u64 = 65_536;

/// Most bytes of one read.
pub const MAX_READ_BYTES: u64 = 1 << 20;

/// Bytes around a part in which the rest of a secret is looked for.
const AROUND: u64 = 256 * 1024;

/// A part of a file. The names are those of the contract; `real_path`, `offset`, `bytes_read`,
/// `content_encoding`, `mode` and `mtime` are ours.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FileRead {
    /// The workspace.
    pub workspace_id: Id,
    /// The file.
    pub path: String,
    /// The file that was read, where `path` is a link to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub real_path: Option<String>,
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
    /// Where it ran.
    pub execution_mode: ExecutionMode,
    /// The part as it is.
    #[serde(skip)]
    pub bytes: Vec<u8>,
}

/// Read at most `max_bytes` from `offset` on; with `redact` marks stand for the secrets of the
/// workspace. A link is followed within the workspace.
///
/// # Errors
/// [`WorkspaceError::Guest`] when there is no such file or it is no regular one;
/// [`FileError::Outside`] for a link that leads out of the workspace.
pub async fn read(
    config: &Config,
    id: Id,
    path: &WorkspacePath,
    offset: u64,
    max_bytes: u64,
    redact: bool,
) -> Result<FileRead, WorkspaceError> {
    if path.is_root() {
        return Err(FileError::IsRoot.into());
    }
    let running = Running::open(config, id).await?;
    running.touch()?;
    let max_bytes = max_bytes.clamp(1, MAX_READ_BYTES);
    let redactor = if redact { Secrets::of(config, id)?.redactor()? } else { None };
    let (before, after) = if redactor.is_some() { (offset.min(AROUND), AROUND) } else { (0, 0) };
    let request = |path: &WorkspacePath| Read {
        path: path.guest(),
        offset: offset - before,
        length: Some(before + max_bytes + after),
        follow: false,
    };
    let (mut content, real_path) = match file::read(running.files().await?, request(path)).await {
        Err(ClientError::Failed(failure)) if failure.kind == FailureKind::Unsupported => {
            // It is no file: a link, perhaps.
            let real = follow(&running, path).await?;
            if real == *path {
                return Err(WorkspaceError::Guest(ClientError::Failed(failure)));
            }
            let content = file::read(running.files().await?, request(&real))
                .await
                .map_err(WorkspaceError::Guest)?;
            (content, Some(real.to_text()))
        }
        opened => (opened.map_err(WorkspaceError::Guest)?, None),
    };
    let mut bytes = Vec::new();
    while let Some(part) = content.next().await.map_err(WorkspaceError::Guest)? {
        bytes.extend_from_slice(&part);
    }
    let meta = content.meta();
    let places = redactor.map(|redactor| redactor.places(&bytes)).unwrap_or_default();
    let begin = usize::try_from(before).unwrap_or(usize::MAX).min(bytes.len());
    let mut bytes = bytes.split_off(begin);
    bytes.truncate(usize::try_from(max_bytes).unwrap_or(usize::MAX));
    cut(&mut bytes, offset, meta.size);
    let bytes_read = bytes.len() as u64;
    let bytes = marked(&bytes, begin, &places);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let is_text = std::str::from_utf8(&bytes).is_ok();
    Ok(FileRead {
        workspace_id: id,
        path: path.to_text(),
        real_path,
        size_bytes: meta.size,
        max_bytes,
        offset,
        bytes_read,
        content: text,
        content_encoding: if is_text { "utf-8" } else { "utf-8-replaced" },
        truncated: offset.saturating_add(bytes_read) < meta.size,
        mode: format!("{:04o}", meta.mode),
        mtime: timestamp(meta.mtime),
        execution_mode: running.vm.execution_mode,
        bytes,
    })
}

/// A part that begins at `begin` of what `places` are found in, with a mark for each.
fn marked(part: &[u8], begin: usize, places: &[Range<usize>]) -> Vec<u8> {
    let (mut out, mut at) = (Vec::with_capacity(part.len()), 0);
    let index = |place: usize| place.saturating_sub(begin).min(part.len());
    for place in places {
        let (start, end) = (index(place.start), index(place.end));
        if start < end {
            out.extend_from_slice(&part[at..start]);
            out.extend_from_slice(MARK.as_bytes());
            at = end;
        }
    }
    out.extend_from_slice(&part[at..]);
    out
}

/// Leave a character that the end of the part cuts to the next part, where there is one.
pub(in crate::workspace) fn cut(bytes: &mut Vec<u8>, offset: u64, size: u64) {
    if offset.saturating_add(bytes.len() as u64) < size {
        bytes.truncate(whole_characters(bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::{cut, marked};

    #[test]
    fn a_value_across_parts_is_marked_in_each() {
        for (part, begin, expected) in [
            ("0123456789", 0, "01[REDACTED]56[REDACTED]"),
            ("3456", 3, "[REDACTED]56"),
            ("56", 5, "56"),
            ("012", 0, "01[REDACTED]"),
        ] {
            let told = marked(part.as_bytes(), begin, &[2..5, 7..12]);
            assert_eq!(String::from_utf8(told).unwrap(), expected);
        }
    }

    #[test]
    fn parts_of_a_text_cut_no_character() {
        let text = "a€é😀".as_bytes();
        for max in 4..text.len() {
            let (mut at, mut whole) = (0, String::new());
            while at < text.len() {
                let mut part = text[at..text.len().min(at + max)].to_vec();
                cut(&mut part, at as u64, text.len() as u64);
                whole += std::str::from_utf8(&part).unwrap();
                at += part.len();
            }
            assert_eq!(whole.as_bytes(), text, "{max}");
        }
        // The end of a file is what it is.
        let mut broken = text[..2].to_vec();
        cut(&mut broken, 0, 2);
        assert_eq!(broken.len(), 2);
    }
}
