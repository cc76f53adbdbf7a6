//! Operations on a workspace's files.

use crate::arguments::{Number, argument, bounds, id, invalid, place};
use crate::call::Call;
use crate::failure::Failure;
use crate::native::{Native, page};
use pyo3::Bound;
use pyo3::prelude::{PyResult, pymethods};
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyDict;
use pyro_core::limits::MAX_LISTED_FILES;
use pyro_core::{DiffRequest, ExportFormat, ExportRequest, FileListRequest, PushRequest, Pyro};
use std::ffi::OsString;
use std::path::PathBuf;

#[pymethods]
impl Native {
    fn push_workspace_sync(&self, given: &Bound<'_, PyDict>) -> PyResult<Call> {
        let workspace_id: String = argument(given, "workspace_id")?;
        let source_path: PathBuf = argument(given, "source_path")?;
        let dest: OsString = argument(given, "dest")?;
        let delete: bool = argument(given, "delete")?;
        let respect_ignore: Option<bool> = argument(given, "respect_ignore")?;
        let dry_run: bool = argument(given, "dry_run")?;
        self.begin(move |pyro, turn| async move {
            let (source, dest) = (source_path.into(), place(&dest)?);
            let request = PushRequest { source, dest, delete, respect_ignore, dry_run };
            Ok(pyro.push_workspace_sync(id(&workspace_id)?, request, &turn.cancel).await?)
        })
    }

    fn list_workspace_files(&self, given: &Bound<'_, PyDict>) -> PyResult<Call> {
        let workspace_id: String = argument(given, "workspace_id")?;
        let path: OsString = argument(given, "path")?;
        let recursive: bool = argument(given, "recursive")?;
        let after: Option<OsString> = argument(given, "after")?;
        let limit: Number = argument(given, "limit")?;
        self.begin(move |pyro, _| async move {
            let request = FileListRequest {
                path: place(&path)?,
                recursive,
                after: after.as_ref().map(place).transpose()?,
                limit: limit.within("limit", 1, MAX_LISTED_FILES)?,
            };
            Ok(pyro.list_workspace_files(id(&workspace_id)?, request).await?)
        })
    }

    fn read_workspace_file(&self, given: &Bound<'_, PyDict>) -> PyResult<Call> {
        let workspace_id: String = argument(given, "workspace_id")?;
        let path: OsString = argument(given, "path")?;
        let offset: Number = argument(given, "offset")?;
        let max_bytes: Number = argument(given, "max_bytes")?;
        let redact: bool = argument(given, "redact")?;
        self.begin(move |pyro, _| async move {
            let (offset, max_bytes) = bounds(offset, max_bytes)?;
            let (id, path) = (id(&workspace_id)?, place(&path)?);
            Ok(pyro.read_workspace_file(id, path, offset, max_bytes, redact).await?)
        })
    }

    /// A page of a file's bytes as they are, and where the next one begins.
    fn read_workspace_bytes(&self, given: &Bound<'_, PyDict>) -> PyResult<Call> {
        let workspace_id: String = argument(given, "workspace_id")?;
        let path: OsString = argument(given, "path")?;
        let offset: Number = argument(given, "offset")?;
        let max_bytes: Number = argument(given, "max_bytes")?;
        let read = move |pyro: Pyro, _| async move {
            let (offset, max_bytes) = bounds(offset, max_bytes)?;
            let (id, path) = (id(&workspace_id)?, place(&path)?);
            let read = pyro.read_workspace_file(id, path, offset, max_bytes, false).await?;
            let next = read.truncated.then_some(read.offset + read.bytes_read);
            Ok((read.bytes, next))
        };
        self.begin_for(read, page)
    }

    fn write_workspace_file(&self, given: &Bound<'_, PyDict>) -> PyResult<Call> {
        let workspace_id: String = argument(given, "workspace_id")?;
        let path: OsString = argument(given, "path")?;
        let text: PyBackedBytes = argument(given, "text")?;
        let mode: Option<Number> = argument(given, "mode")?;
        self.begin(move |pyro, _| async move {
            let mode = mode.map(|mode| mode.within("mode", 0, 0o7777)).transpose()?;
            let mode = mode.map(|mode| u32::try_from(mode).unwrap_or_default());
            let (id, path) = (id(&workspace_id)?, place(&path)?);
            Ok(pyro.write_workspace_file(id, path, text.to_vec(), mode).await?)
        })
    }

    fn diff_workspace(&self, given: &Bound<'_, PyDict>) -> PyResult<Call> {
        let workspace_id: String = argument(given, "workspace_id")?;
        let from: String = argument(given, "from_")?;
        let to: String = argument(given, "to")?;
        let path: Option<OsString> = argument(given, "path")?;
        let find_renames: bool = argument(given, "find_renames")?;
        let include_ignored: bool = argument(given, "include_ignored")?;
        let redact: bool = argument(given, "redact")?;
        self.begin(move |pyro, turn| async move {
            let request = DiffRequest {
                from: Pyro::diff_point(&from)?,
                to: Pyro::diff_point(&to)?,
                path: path.as_ref().map(place).transpose()?,
                renames: find_renames,
                include_ignored,
                redact,
            };
            Ok(pyro.diff_workspace(id(&workspace_id)?, request, &turn.cancel).await?)
        })
    }

    fn apply_workspace_patch(&self, given: &Bound<'_, PyDict>) -> PyResult<Call> {
        let workspace_id: String = argument(given, "workspace_id")?;
        let patch: PyBackedBytes = argument(given, "patch")?;
        self.begin(move |pyro, turn| async move {
            Ok(pyro.apply_workspace_patch(id(&workspace_id)?, patch.to_vec(), &turn.cancel).await?)
        })
    }

    fn export_workspace(&self, given: &Bound<'_, PyDict>) -> PyResult<Call> {
        let workspace_id: String = argument(given, "workspace_id")?;
        let path: OsString = argument(given, "path")?;
        let output_path: PathBuf = argument(given, "output_path")?;
        let kept: Vec<PathBuf> = argument(given, "kept")?;
        let force: bool = argument(given, "force")?;
        let format: String = argument(given, "format")?;
        let find_renames: bool = argument(given, "find_renames")?;
        let include_ignored: bool = argument(given, "include_ignored")?;
        let redact: bool = argument(given, "redact")?;
        let keep_git_config: bool = argument(given, "keep_git_config")?;
        self.begin(move |pyro, turn| async move {
            let request = ExportRequest {
                path: place(&path)?,
                output: output_path.into(),
                force,
                kept,
                format: export_format(&format)?,
                renames: find_renames,
                include_ignored,
                redact,
                keep_git_config,
            };
            Ok(pyro.export_workspace(id(&workspace_id)?, request, &turn.cancel).await?)
        })
    }
}

fn export_format(name: &str) -> Result<ExportFormat, Failure> {
    match name {
        "dir" => Ok(ExportFormat::Directory),
        "tar" => Ok(ExportFormat::Tar),
        "patch" => Ok(ExportFormat::Patch),
        name => Err(invalid(format!("format is {name:?}; it must be dir, tar or patch"), "")),
    }
}
