//! The disk of a workspace that is stopped, or of a snapshot, as one file on the host: there whole
//! or not at all.

use super::source::{Source, failed};
use crate::config::Config;
pub use crate::disk::export::DiskFormat;
use crate::disk::{self, DiskError};
use crate::host::new_file::NewFile;
use crate::host::output::Output;
use crate::host::path::HostPath;
use crate::id::Id;
use crate::snapshot_name::Snapshot;
use crate::store::Store;
use crate::vm::{VmError, blocking};
use crate::workspace::error::WorkspaceError;
use crate::workspace::file_error::FileError;
use serde::Serialize;
use std::path::PathBuf;
use tokio_util::sync::CancellationToken;

/// What to export.
#[derive(Clone, Debug)]
pub struct DiskExportRequest {
    /// Where on the host; its parents are made.
    pub output: HostPath,
    /// Replace what is there.
    pub force: bool,
    /// Directories of the host that are never replaced, nor is what holds one.
    pub kept: Vec<PathBuf>,
    /// As what.
    pub format: DiskFormat,
    /// Of this snapshot, also while the workspace runs; else of the present disk.
    pub snapshot: Option<Snapshot>,
}

/// A disk that was exported. The names are those of the contract; `snapshot` and `needs_recovery`
/// are ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DiskExport {
    /// The workspace.
    pub workspace_id: Id,
    /// What was made.
    pub output_path: String,
    /// `ext4` or `qcow2`.
    pub disk_format: &'static str,
    /// Size of the disk, in bytes; it is sparse on the host.
    pub bytes_written: u64,
    /// The snapshot that was exported; none for the present disk.
    pub snapshot: Option<String>,
    /// Its guest ended without unmounting it: whoever mounts it, or checks it, replays its journal
    /// first.
    pub needs_recovery: bool,
}

/// Export.
///
/// # Errors
/// [`FileError::NewFile`] with the reason unless it may be replaced; whatever it is, there is
/// nothing new on the host.
pub async fn export(
    config: &Config,
    id: Id,
    request: DiskExportRequest,
    cancel: &CancellationToken,
) -> Result<DiskExport, WorkspaceError> {
    let DiskExportRequest { output, force, kept, format, snapshot } = request;
    let own = [&config.data_dir, &config.runtime_dir, &config.environment_cache_dir];
    let kept: Vec<PathBuf> = own.into_iter().cloned().chain(kept).collect();
    Output::check_kept(&output, &kept).map_err(FileError::from)?;
    Output::check(&output, force).map_err(FileError::from)?;
    let store = Store::open(&config.data_dir)?;
    let source = Source::of(config, &store, id, snapshot.as_ref()).await?;
    let cancel = cancel.clone();
    // Waited for to its end: it looks at `cancel` with each part.
    let write = move || -> Result<_, WorkspaceError> {
        let output = Output::prepare(&output, force).map_err(FileError::from)?;
        output.keeps(&kept).map_err(FileError::from)?;
        output.check_file().map_err(FileError::from)?;
        let at = output.place();
        let file = NewFile::unnamed(output).map_err(FileError::from)?;
        let Source { image, layers, .. } = &source;
        let exported = disk::export::export(image, layers, file.file(), format, &cancel);
        source.check(&store)?;
        let exported = exported.map_err(|error| match error {
            DiskError::Cancelled => WorkspaceError::from(VmError::Cancelled),
            DiskError::Export(source) => FileError::Unwritten { path: at.clone(), source }.into(),
            error => failed(error).into(),
        })?;
        file.appear(force).map_err(FileError::from)?;
        Ok((at, exported))
    };
    let (at, exported) = blocking(move || Ok(write())).await??;
    Ok(DiskExport {
        workspace_id: id,
        output_path: at.to_string_lossy().into_owned(),
        disk_format: match format {
            DiskFormat::Ext4 => "ext4",
            DiskFormat::Qcow2 => "qcow2",
        },
        bytes_written: exported.size,
        snapshot: snapshot.map(|snapshot| snapshot.name().to_owned()),
        needs_recovery: exported.needs_recovery,
    })
}
