//! A file of a workspace, written whole or not at all.

use crate::config::Config;
use crate::execution_mode::ExecutionMode;
use crate::guest::file;
use crate::id::Id;
use crate::workspace::error::WorkspaceError;
use crate::workspace::file_error::FileError;
use crate::workspace::place::WorkspacePath;
use crate::workspace::running::Running;
use pyro_protocol::files::Write;
use serde::Serialize;

/// A file that was written. The names are those of the contract; `mode` is ours.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FileWritten {
    /// The workspace.
    pub workspace_id: Id,
    /// The file.
    pub path: String,
    /// Its length in bytes.
    pub size_bytes: u64,
    /// The same.
    pub bytes_written: u64,
    /// Its permission bits in octal digits.
    pub mode: String,
    /// Where it ran.
    pub execution_mode: ExecutionMode,
}

/// Write a file; directories on the way are made. Without a `mode` an existing file keeps its own,
/// a new one is 0644.
///
/// # Errors
/// [`WorkspaceError`]; the file is then as it was.
pub async fn write(
    config: &Config,
    id: Id,
    path: &WorkspacePath,
    bytes: &[u8],
    mode: Option<u32>,
) -> Result<FileWritten, WorkspaceError> {
    if path.is_root() {
        return Err(FileError::IsRoot.into());
    }
    let running = Running::open(config, id).await?;
    running.touch()?;
    let request = Write {
        path: path.guest(),
        mode: mode.map(|mode| mode & 0o7777),
        create_parents: true,
        size: bytes.len() as u64,
    };
    let meta =
        file::write(running.files().await?, request, bytes).await.map_err(WorkspaceError::Guest)?;
    Ok(FileWritten {
        workspace_id: id,
        path: path.to_text(),
        size_bytes: meta.size,
        bytes_written: meta.size,
        mode: format!("{:04o}", meta.mode),
        execution_mode: running.vm.execution_mode,
    })
}
