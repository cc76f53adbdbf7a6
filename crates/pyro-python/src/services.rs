//! Operations on services of workspaces.

use crate::arguments::{Number, argument, id, invalid};
use crate::call::Call;
use crate::failure::Failure;
use crate::native::Native;
use pyo3::Bound;
use pyo3::prelude::{PyResult, pymethods};
use pyo3::types::PyDict;
use pyro_core::limits::{ready_interval_ms, ready_timeout_seconds, tail_lines};
use pyro_core::{
    Id, OutputStream, Pyro, PyroError, Readiness, ServiceName, StartServiceRequest, Variable,
    readiness, workspace_options,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The kinds of readiness, and what each is told besides.
const KINDS: [(&str, &str); 4] =
    [("file", "path"), ("tcp", "address"), ("http", "url"), ("command", "command")];

#[pymethods]
impl Native {
    fn start_service(&self, given: &Bound<'_, PyDict>) -> PyResult<Call> {
        let service = Named::of(given)?;
        let command: String = argument(given, "command")?;
        let cwd: String = argument(given, "cwd")?;
        let env: Vec<(String, String)> = argument(given, "env")?;
        let user: Option<String> = argument(given, "user")?;
        let ready: Option<BTreeMap<String, String>> = argument(given, "readiness")?;
        let timeout: Number = argument(given, "ready_timeout_seconds")?;
        let interval: Number = argument(given, "ready_interval_ms")?;
        let restart: bool = argument(given, "restart")?;
        self.begin(move |pyro, turn| async move {
            let env = env.into_iter().map(|(name, value)| Variable::new(name, value)).collect();
            let options = workspace_options(Some(&cwd), env, user.as_deref());
            let request = StartServiceRequest {
                command,
                options: options.map_err(PyroError::from)?,
                readiness: ready.map_or(Ok(None), chosen)?,
                ready_timeout_seconds: ready_timeout_seconds(timeout).map_err(PyroError::from)?,
                ready_interval_ms: ready_interval_ms(interval).map_err(PyroError::from)?,
                restart,
            };
            let (id, name) = service.parsed()?;
            Ok(pyro.start_service(id, name, request, &turn.cancel).await?)
        })
    }

    fn list_services(&self, given: &Bound<'_, PyDict>) -> PyResult<Call> {
        let workspace_id: String = argument(given, "workspace_id")?;
        self.begin(move |pyro, _| async move { Ok(pyro.list_services(id(&workspace_id)?).await?) })
    }

    fn status_service(&self, given: &Bound<'_, PyDict>) -> PyResult<Call> {
        let service = Named::of(given)?;
        self.begin(move |pyro, _| async move {
            let (id, name) = service.parsed()?;
            Ok(pyro.status_service(id, name).await?)
        })
    }

    fn logs_service(&self, given: &Bound<'_, PyDict>) -> PyResult<Call> {
        let (service, lines) = (Named::of(given)?, Lines::of(given)?);
        self.begin(move |pyro, _| async move {
            let (id, name) = service.parsed()?;
            Ok(pyro.logs_service(id, name, lines.checked()?).await?)
        })
    }

    fn follow_service(&self, given: &Bound<'_, PyDict>) -> PyResult<Call> {
        let (service, lines) = (Named::of(given)?, Lines::of(given)?);
        self.begin(move |pyro, turn| async move {
            let (id, name) = service.parsed()?;
            let flow = Arc::clone(&turn.flow);
            let output = move |stream: OutputStream, bytes: &[u8]| {
                if !bytes.is_empty() {
                    flow.push(stream, bytes);
                }
            };
            let lines = lines.checked()?;
            Ok(pyro.follow_service(id, name, lines, Box::new(output), &turn.cancel).await?)
        })
    }

    fn stop_service(&self, given: &Bound<'_, PyDict>) -> PyResult<Call> {
        let service = Named::of(given)?;
        self.begin(move |pyro, _| async move {
            let (id, name) = service.parsed()?;
            Ok(pyro.stop_service(id, name).await?)
        })
    }
}

/// A service of a workspace.
struct Named {
    workspace_id: String,
    service_name: String,
}

impl Named {
    /// Of the arguments with its names.
    fn of(given: &Bound<'_, PyDict>) -> PyResult<Self> {
        Ok(Self {
            workspace_id: argument(given, "workspace_id")?,
            service_name: argument(given, "service_name")?,
        })
    }

    /// Both names, parsed at the door.
    fn parsed(&self) -> Result<(Id, ServiceName), PyroError> {
        Ok((id(&self.workspace_id)?, Pyro::service_name(&self.service_name)?))
    }
}

/// How much of a log is read.
struct Lines {
    tail_lines: Number,
    all: bool,
}

impl Lines {
    /// Of the arguments with its names.
    fn of(given: &Bound<'_, PyDict>) -> PyResult<Self> {
        Ok(Self { tail_lines: argument(given, "tail_lines")?, all: argument(given, "all")? })
    }

    /// The number of lines, checked; none for all.
    fn checked(&self) -> Result<Option<u32>, PyroError> {
        Ok((!self.all).then(|| tail_lines(self.tail_lines)).transpose()?)
    }
}

/// How it is seen that a service is ready, as a dictionary of the contract says it.
fn chosen(mut given: BTreeMap<String, String>) -> Result<Option<Readiness>, Failure> {
    let kind = given.remove("type").unwrap_or_default();
    let known = KINDS.into_iter().find(|(name, _)| *name == kind);
    let Some((_, field)) = known else {
        let expected = "it must be file, tcp, http or command";
        return Err(invalid(format!("the type of readiness is {kind:?}; {expected}"), ""));
    };
    let value = given.remove(field);
    if value.is_none() || !given.is_empty() {
        let message = format!("readiness of type {kind} has {field:?} beside its type");
        return Err(invalid(message, ""));
    }
    let of = |name: &str| value.clone().filter(|_| kind == name);
    let ready = readiness(of("file"), of("tcp"), of("http"), of("command"));
    Ok(ready.map_err(PyroError::from)?)
}
