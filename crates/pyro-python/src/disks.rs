//! Operations on disks of workspaces that are stopped, and on those of snapshots.

use crate::arguments::{Number, argument, bounds, id, invalid};
use crate::call::Call;
use crate::failure::Failure;
use crate::native::{Native, page};
use pyo3::Bound;
use pyo3::prelude::{PyResult, pymethods};
use pyo3::types::PyDict;
use pyro_core::limits::MAX_LISTED_FILES;
use pyro_core::{
    DiskExportRequest, DiskFormat, DiskListRequest, DiskPath, DiskReadRequest, Id, Pyro, PyroError,
    Snapshot,
};
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

#[pymethods]
impl Native {
    fn list_workspace_disk(&self, given: &Bound<'_, PyDict>) -> PyResult<Call> {
        let disk = Disk::of(given)?;
        let path: OsString = argument(given, "path")?;
        let recursive: bool = argument(given, "recursive")?;
        let after: Option<OsString> = argument(given, "after")?;
        let limit: Number = argument(given, "limit")?;
        self.begin(move |pyro, _| async move {
            let (id, snapshot) = disk.parsed()?;
            let request = DiskListRequest {
                path: place(&path)?,
                recursive,
                snapshot,
                after: after.as_ref().map(place).transpose()?,
                limit: limit.within("limit", 1, MAX_LISTED_FILES)?,
            };
            Ok(pyro.list_workspace_disk(id, request).await?)
        })
    }

    fn read_workspace_disk(&self, given: &Bound<'_, PyDict>) -> PyResult<Call> {
        let part = Part::of(given)?;
        self.begin(move |pyro, _| async move {
            let (id, request) = part.request()?;
            Ok(pyro.read_workspace_disk(id, request).await?)
        })
    }

    /// A page of a file's bytes as they are, and where the next one begins.
    fn read_disk_bytes(&self, given: &Bound<'_, PyDict>) -> PyResult<Call> {
        let part = Part::of(given)?;
        let read = move |pyro: Pyro, _| async move {
            let (id, request) = part.request()?;
            let read = pyro.read_workspace_disk(id, request).await?;
            let next = read.truncated.then_some(read.offset + read.bytes_read);
            Ok((read.bytes, next))
        };
        self.begin_for(read, page)
    }

    fn export_workspace_disk(&self, given: &Bound<'_, PyDict>) -> PyResult<Call> {
        let disk = Disk::of(given)?;
        let output_path: PathBuf = argument(given, "output_path")?;
        let kept: Vec<PathBuf> = argument(given, "kept")?;
        let force: bool = argument(given, "force")?;
        let format: String = argument(given, "format")?;
        self.begin(move |pyro, turn| async move {
            let (id, snapshot) = disk.parsed()?;
            let (output, format) = (output_path.into(), disk_format(&format)?);
            let request = DiskExportRequest { output, force, kept, format, snapshot };
            Ok(pyro.export_workspace_disk(id, request, &turn.cancel).await?)
        })
    }
}

/// The disk of a workspace, or of one of its snapshots.
struct Disk {
    workspace_id: String,
    snapshot: Option<String>,
}

impl Disk {
    /// Of the arguments with its names.
    fn of(given: &Bound<'_, PyDict>) -> PyResult<Self> {
        Ok(Self {
            workspace_id: argument(given, "workspace_id")?,
            snapshot: argument(given, "snapshot")?,
        })
    }

    /// Both names, parsed at the door.
    fn parsed(&self) -> Result<(Id, Option<Snapshot>), PyroError> {
        let snapshot = self.snapshot.as_deref().map(Pyro::snapshot).transpose()?;
        Ok((id(&self.workspace_id)?, snapshot))
    }
}

/// A part of a file on a disk.
struct Part {
    disk: Disk,
    path: OsString,
    offset: Number,
    max_bytes: Number,
}

impl Part {
    /// Of the arguments with its names.
    fn of(given: &Bound<'_, PyDict>) -> PyResult<Self> {
        Ok(Self {
            disk: Disk::of(given)?,
            path: argument(given, "path")?,
            offset: argument(given, "offset")?,
            max_bytes: argument(given, "max_bytes")?,
        })
    }

    /// As core takes it.
    fn request(&self) -> Result<(Id, DiskReadRequest), Failure> {
        let (offset, max_bytes) = bounds(self.offset, self.max_bytes)?;
        let (id, snapshot) = self.disk.parsed()?;
        Ok((id, DiskReadRequest { path: place(&self.path)?, snapshot, offset, max_bytes }))
    }
}

/// A path anywhere on a disk, parsed at the door.
fn place(path: &OsString) -> Result<DiskPath, PyroError> {
    Pyro::disk_path(path.as_bytes())
}

fn disk_format(name: &str) -> Result<DiskFormat, Failure> {
    match name {
        "ext4" => Ok(DiskFormat::Ext4),
        "qcow2" => Ok(DiskFormat::Qcow2),
        name => Err(invalid(format!("format is {name:?}; it must be ext4 or qcow2"), "")),
    }
}
