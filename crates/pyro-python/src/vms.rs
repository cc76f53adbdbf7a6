//! Operations on environments, vms and kept outputs.

use crate::arguments::{Line, Machine, Number, argument, id};
use crate::call::Call;
use crate::failure::Failure;
use crate::native::{Native, output, page, reader};
use crate::stdin::Input;
use pyo3::Bound;
use pyo3::prelude::{PyResult, pymethods};
use pyo3::types::PyDict;
use pyro_contract::results::{Pruned, Reaped};
use pyro_core::limits::{DEFAULT_PAGE_LENGTH, page_length};
use pyro_core::{
    Caller, ExecOptions, OutputName, OutputPage, Pyro, PyroError, RunRequest, VmRequest,
};

#[pymethods]
impl Native {
    fn list_environments(&self) -> PyResult<Call> {
        self.begin(|pyro, _| async move { Ok(pyro.list_environments().await?) })
    }

    fn pull_environment(&self, given: &Bound<'_, PyDict>) -> PyResult<Call> {
        let environment: String = argument(given, "environment")?;
        self.begin(|pyro, turn| async move {
            let caller = Caller::with_cancel(&turn.cancel);
            Ok(pyro.pull_environment(&environment, caller).await?)
        })
    }

    fn inspect_environment(&self, given: &Bound<'_, PyDict>) -> PyResult<Call> {
        let environment: String = argument(given, "environment")?;
        self.begin(|pyro, _| async move { Ok(pyro.inspect_environment(&environment).await?) })
    }

    fn prune_environments(&self) -> PyResult<Call> {
        self.begin(|pyro, _| async move { Ok(Pruned::from(pyro.prune_environments().await?)) })
    }

    fn run_in_vm(&self, given: &Bound<'_, PyDict>) -> PyResult<Call> {
        let machine = Machine::of(given)?;
        let network: bool = argument(given, "network")?;
        let line = Line::of(given)?;
        let stdin: Option<Input> = argument(given, "stdin")?;
        let streams: bool = argument(given, "streams")?;
        self.begin(move |pyro, turn| async move {
            let request = RunRequest {
                shape: machine.shape()?,
                environment: machine.environment,
                line: line.request(ExecOptions::parse)?,
                allow_host_compat: machine.allow_host_compat,
                network,
            };
            let (output, stdin) = (output(&turn.flow, streams), reader(stdin));
            let caller = Caller::with_cancel(&turn.cancel);
            Ok(pyro.run(request, stdin, output, caller).await?)
        })
    }

    fn create_vm(&self, given: &Bound<'_, PyDict>) -> PyResult<Call> {
        let machine = Machine::of(given)?;
        let network: bool = argument(given, "network")?;
        self.begin(move |pyro, turn| async move {
            let request = VmRequest {
                shape: machine.shape()?,
                environment: machine.environment,
                allow_host_compat: machine.allow_host_compat,
                network,
            };
            Ok(pyro.create_vm(request, Caller::with_cancel(&turn.cancel)).await?)
        })
    }

    fn start_vm(&self, given: &Bound<'_, PyDict>) -> PyResult<Call> {
        let vm_id: String = argument(given, "vm_id")?;
        self.begin(|pyro, turn| async move { Ok(pyro.start_vm(id(&vm_id)?, &turn.cancel).await?) })
    }

    fn exec_vm(&self, given: &Bound<'_, PyDict>) -> PyResult<Call> {
        let vm_id: String = argument(given, "vm_id")?;
        let line = Line::of(given)?;
        let stdin: Option<Input> = argument(given, "stdin")?;
        let streams: bool = argument(given, "streams")?;
        self.begin(move |pyro, turn| async move {
            let (id, line) = (id(&vm_id)?, line.request(ExecOptions::parse)?);
            let (output, stdin) = (output(&turn.flow, streams), reader(stdin));
            Ok(pyro.exec_vm(id, line, stdin, output, &turn.cancel).await?)
        })
    }

    fn stop_vm(&self, given: &Bound<'_, PyDict>) -> PyResult<Call> {
        let vm_id: String = argument(given, "vm_id")?;
        self.begin(|pyro, _| async move { Ok(pyro.stop_vm(id(&vm_id)?).await?) })
    }

    fn delete_vm(&self, given: &Bound<'_, PyDict>) -> PyResult<Call> {
        let vm_id: String = argument(given, "vm_id")?;
        self.begin(|pyro, _| async move { Ok(pyro.delete_vm(id(&vm_id)?).await?) })
    }

    fn status_vm(&self, given: &Bound<'_, PyDict>) -> PyResult<Call> {
        let vm_id: String = argument(given, "vm_id")?;
        self.begin(|pyro, _| async move { Ok(pyro.status_vm(id(&vm_id)?).await?) })
    }

    fn network_info_vm(&self, given: &Bound<'_, PyDict>) -> PyResult<Call> {
        let vm_id: String = argument(given, "vm_id")?;
        self.begin(|pyro, _| async move { Ok(pyro.network_info_vm(id(&vm_id)?).await?) })
    }

    fn reap_expired(&self) -> PyResult<Call> {
        self.begin(|pyro, _| async move { Ok(Reaped::from(pyro.reap_expired_vms().await?)) })
    }

    fn read_output(&self, given: &Bound<'_, PyDict>) -> PyResult<Call> {
        let name: String = argument(given, "name")?;
        let offset: Number = argument(given, "offset")?;
        let length: Option<Number> = argument(given, "length")?;
        self.begin(move |pyro, _| async move { output_page(&pyro, &name, offset, length).await })
    }

    /// A page of an output's bytes as they are, and where the next one begins.
    fn read_output_bytes(&self, given: &Bound<'_, PyDict>) -> PyResult<Call> {
        let name: String = argument(given, "name")?;
        let offset: Number = argument(given, "offset")?;
        let length: Option<Number> = argument(given, "length")?;
        let read = move |pyro: Pyro, _| async move {
            let page = output_page(&pyro, &name, offset, length).await?;
            Ok((page.bytes, page.next_offset))
        };
        self.begin_for(read, page)
    }
}

async fn output_page(
    pyro: &Pyro,
    name: &str,
    offset: Number,
    length: Option<Number>,
) -> Result<OutputPage, Failure> {
    let name = OutputName::parse(name).map_err(PyroError::from)?;
    let offset = offset.within("offset", 0, u64::MAX)?;
    let length = match length {
        None => DEFAULT_PAGE_LENGTH,
        Some(length) => u32::try_from(length.0.max(0)).unwrap_or(u32::MAX),
    };
    let length = page_length(length).map_err(PyroError::from)?;
    Ok(pyro.read_output(name, offset, length).await?)
}
