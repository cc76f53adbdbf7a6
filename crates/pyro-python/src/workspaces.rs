//! Operations on workspaces.

use crate::arguments::{Line, Machine, Number, argument, id, invalid};
use crate::call::Call;
use crate::failure::Failure;
use crate::native::{Native, output, reader};
use crate::secrets::{self, Told, Variables, with_secrets};
use crate::stdin::Input;
use pyo3::Bound;
use pyo3::prelude::{PyResult, pymethods};
use pyo3::types::PyDict;
use pyro_core::limits::{DEFAULT_TTL_SECONDS, MAX_LOG_ENTRIES, lifetime};
use pyro_core::{
    Caller, CreateRequest, Pyro, PyroError, SeedRequest, Shape, UpdateRequest, workspace_options,
};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The policies of the contract that need a network.
const NETWORKED: [&str; 2] = ["egress", "egress+published-ports"];

/// Bytes of the background's output that one answer holds of each command: all that is kept.
const BACKGROUND_LEN: usize = 64 * 1024;

#[pymethods]
impl Native {
    fn create_workspace(&self, given: &Bound<'_, PyDict>) -> PyResult<Call> {
        let machine = Machine::of(given)?;
        let network_policy: String = argument(given, "network_policy")?;
        let seed_path: Option<PathBuf> = argument(given, "seed_path")?;
        let respect_ignore: bool = argument(given, "respect_ignore")?;
        let secrets: Vec<Told> = argument(given, "secrets")?;
        let name: Option<String> = argument(given, "name")?;
        let labels: BTreeMap<String, String> = argument(given, "labels")?;
        self.begin(move |pyro, turn| async move {
            check_network(&network_policy)?;
            let ttl_seconds = lifetime(machine.ttl_seconds).map_err(PyroError::from)?;
            let shape = Shape::new(machine.vcpu_count, machine.mem_mib, DEFAULT_TTL_SECONDS);
            let shape = shape.map_err(PyroError::from)?;
            let request = CreateRequest {
                environment: machine.environment,
                vcpu_count: shape.vcpu_count.into(),
                mem_mib: shape.mem_mib,
                ttl_seconds,
                name,
                labels,
                secrets: secrets::given(secrets).await?,
                seed: seed_path.map(|path| SeedRequest { path: path.into(), respect_ignore }),
                allow_host_compat: machine.allow_host_compat,
            };
            Ok(pyro.create_workspace(request, Caller::with_cancel(&turn.cancel)).await?)
        })
    }

    fn list_workspaces(&self) -> PyResult<Call> {
        self.begin(|pyro, _| async move { Ok(pyro.list_workspaces().await?) })
    }

    fn status_workspace(&self, given: &Bound<'_, PyDict>) -> PyResult<Call> {
        let workspace_id: String = argument(given, "workspace_id")?;
        self.begin(|pyro, _| async move { Ok(pyro.status_workspace(id(&workspace_id)?).await?) })
    }

    fn update_workspace(&self, given: &Bound<'_, PyDict>) -> PyResult<Call> {
        let workspace_id: String = argument(given, "workspace_id")?;
        let name: Option<String> = argument(given, "name")?;
        let clear_name: bool = argument(given, "clear_name")?;
        let labels: BTreeMap<String, String> = argument(given, "labels")?;
        let clear_labels: Vec<String> = argument(given, "clear_labels")?;
        let ttl_seconds: Option<Number> = argument(given, "ttl_seconds")?;
        self.begin(move |pyro, _| async move {
            let ttl_seconds = ttl_seconds.map(lifetime).transpose().map_err(PyroError::from)?;
            let request = UpdateRequest { name, clear_name, labels, clear_labels, ttl_seconds };
            Ok(pyro.update_workspace(id(&workspace_id)?, request).await?)
        })
    }

    fn start_workspace(&self, given: &Bound<'_, PyDict>) -> PyResult<Call> {
        let workspace_id: String = argument(given, "workspace_id")?;
        self.begin(|pyro, turn| async move {
            Ok(pyro.start_workspace(id(&workspace_id)?, &turn.cancel).await?)
        })
    }

    fn stop_workspace(&self, given: &Bound<'_, PyDict>) -> PyResult<Call> {
        let workspace_id: String = argument(given, "workspace_id")?;
        self.begin(|pyro, _| async move { Ok(pyro.stop_workspace(id(&workspace_id)?).await?) })
    }

    fn delete_workspace(&self, given: &Bound<'_, PyDict>) -> PyResult<Call> {
        let workspace_id: String = argument(given, "workspace_id")?;
        self.begin(|pyro, _| async move { Ok(pyro.delete_workspace(id(&workspace_id)?).await?) })
    }

    fn reset_workspace(&self, given: &Bound<'_, PyDict>) -> PyResult<Call> {
        let workspace_id: String = argument(given, "workspace_id")?;
        let snapshot: String = argument(given, "snapshot")?;
        self.begin(|pyro, turn| async move {
            let to = Pyro::snapshot(&snapshot)?;
            Ok(pyro.reset_workspace(id(&workspace_id)?, to, &turn.cancel).await?)
        })
    }

    fn fork_workspace(&self, given: &Bound<'_, PyDict>) -> PyResult<Call> {
        let workspace_id: String = argument(given, "workspace_id")?;
        let count: Number = argument(given, "count")?;
        let name: Option<String> = argument(given, "name")?;
        self.begin(move |pyro, turn| async move {
            // Core knows the bounds, and that none of these lies within them.
            let count = u32::try_from(count.0.max(0)).unwrap_or(u32::MAX);
            let id = id(&workspace_id)?;
            Ok(pyro.fork_workspace(id, count, name, &turn.cancel).await?)
        })
    }

    fn exec_workspace(&self, given: &Bound<'_, PyDict>) -> PyResult<Call> {
        let workspace_id: String = argument(given, "workspace_id")?;
        let line = Line::of(given)?;
        let secret_env: Variables = argument(given, "secret_env")?;
        let stdin: Option<Input> = argument(given, "stdin")?;
        let streams: bool = argument(given, "streams")?;
        self.begin(move |pyro, turn| async move {
            let (id, mut line) = (id(&workspace_id)?, line.request(workspace_options)?);
            line.options = with_secrets(line.options, &secret_env)?;
            let (output, stdin) = (output(&turn.flow, streams), reader(stdin));
            Ok(pyro.exec_workspace(id, line, stdin, output, &turn.cancel).await?)
        })
    }

    fn logs_workspace(&self, given: &Bound<'_, PyDict>) -> PyResult<Call> {
        let workspace_id: String = argument(given, "workspace_id")?;
        let after: Number = argument(given, "after")?;
        let limit: Number = argument(given, "limit")?;
        let background: bool = argument(given, "background")?;
        self.begin(move |pyro, _| async move {
            let id = id(&workspace_id)?;
            let after = after.within("after", 0, u64::MAX)?;
            let limit = limit.within("limit", 1, MAX_LOG_ENTRIES)?;
            Ok(match background {
                true => pyro.background_workspace(id, BACKGROUND_LEN).await?,
                false => pyro.logs_workspace(id, after, limit).await?,
            })
        })
    }
}

fn check_network(policy: &str) -> Result<(), Failure> {
    match policy {
        "off" => Ok(()),
        policy if NETWORKED.contains(&policy) => Err(PyroError::no_network().into()),
        policy => {
            let expected = format!("off, {}", NETWORKED.join(" or "));
            Err(invalid(format!("network_policy is {policy:?}; it must be {expected}"), ""))
        }
    }
}
