//! Operations on named snapshots of workspaces.

use crate::arguments::{argument, id};
use crate::call::Call;
use crate::native::Native;
use pyo3::Bound;
use pyo3::prelude::{PyResult, pymethods};
use pyo3::types::PyDict;
use pyro_core::Pyro;

#[pymethods]
impl Native {
    fn create_snapshot(&self, given: &Bound<'_, PyDict>) -> PyResult<Call> {
        let workspace_id: String = argument(given, "workspace_id")?;
        let snapshot_name: String = argument(given, "snapshot_name")?;
        self.begin(move |pyro, turn| async move {
            let (id, name) = (id(&workspace_id)?, Pyro::snapshot_name(&snapshot_name)?);
            Ok(pyro.create_snapshot(id, name, &turn.cancel).await?)
        })
    }

    fn list_snapshots(&self, given: &Bound<'_, PyDict>) -> PyResult<Call> {
        let workspace_id: String = argument(given, "workspace_id")?;
        self.begin(move |pyro, _| async move { Ok(pyro.list_snapshots(id(&workspace_id)?).await?) })
    }

    fn delete_snapshot(&self, given: &Bound<'_, PyDict>) -> PyResult<Call> {
        let workspace_id: String = argument(given, "workspace_id")?;
        let snapshot_name: String = argument(given, "snapshot_name")?;
        self.begin(move |pyro, _| async move {
            let (id, name) = (id(&workspace_id)?, Pyro::snapshot_name(&snapshot_name)?);
            Ok(pyro.delete_snapshot(id, name).await?)
        })
    }
}
