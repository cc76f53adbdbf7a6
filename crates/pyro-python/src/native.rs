//! `Native`: one runtime with its settings, which begins operations.

use crate::call::{Call, Turn};
use crate::failure::Failure;
use crate::flow::{Answer, Flow};
use crate::program;
use crate::stdin::Input;
use pyo3::prelude::{IntoPyObject, PyResult, Python, pyclass, pymethods};
use pyo3::types::PyBytes;
use pyro_core::{Config, OutputStream, OutputTo, Pyro, PyroError, Stdin};
use serde::Serialize;
use std::collections::HashMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

/// A runtime with its settings. It is cheap, and fails at the first call where they cannot be used.
#[pyclass(frozen, module = "pyro_mcp._native")]
pub(crate) struct Native {
    executable: PathBuf,
    variables: HashMap<String, OsString>,
}

#[pymethods]
impl Native {
    /// One whose vms `executable` runs, with the settings that these variables hold.
    #[new]
    fn new(executable: PathBuf, variables: HashMap<String, OsString>) -> Self {
        Self { executable, variables }
    }
}

impl Native {
    /// Core's runtime.
    pub(crate) fn pyro(&self) -> Result<Pyro, PyroError> {
        let variable = |name: &str| self.variables.get(name).cloned();
        Ok(Pyro::new(Config::from_variables(self.executable.clone(), variable)?))
    }

    /// Begin an operation whose result is a dictionary.
    pub(crate) fn begin<T, F>(
        &self,
        work: impl FnOnce(Pyro, Turn) -> F + Send + 'static,
    ) -> PyResult<Call>
    where
        T: Serialize + Send + 'static,
        F: Future<Output = Result<T, Failure>> + Send,
    {
        self.begin_for(work, |result| {
            Box::new(move |py: Python<'_>| Ok(pythonize::pythonize(py, &result)?.unbind()))
        })
    }

    /// Begin an operation whose result `answer` makes a Python object of.
    pub(crate) fn begin_for<T, F>(
        &self,
        work: impl FnOnce(Pyro, Turn) -> F + Send + 'static,
        answer: fn(T) -> Answer,
    ) -> PyResult<Call>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Failure>> + Send,
    {
        let (pyro, executable) = (self.pyro(), self.executable.clone());
        Call::start(move |turn| async move {
            let pyro = pyro?;
            program::check(&executable).await?;
            Ok(answer(work(pyro, turn).await?))
        })
    }
}

/// A page of bytes and where the next one begins; none after the last.
pub(crate) type Page = (Vec<u8>, Option<u64>);

/// A page as a pair.
pub(crate) fn page((bytes, next): Page) -> Answer {
    Box::new(move |py: Python<'_>| {
        Ok((PyBytes::new(py, &bytes), next).into_pyobject(py)?.into_any().unbind())
    })
}

/// Where a command's output goes: into its result, and as it comes where it is to be streamed.
pub(crate) fn output(flow: &Arc<Flow>, streams: bool) -> OutputTo {
    if !streams {
        return OutputTo::Result;
    }
    let flow = Arc::clone(flow);
    OutputTo::Watch(Box::new(move |stream: OutputStream, bytes: &[u8]| flow.push(stream, bytes)))
}

/// What a command reads.
pub(crate) fn reader(stdin: Option<Input>) -> Stdin {
    stdin.map(Input::reader)
}
