//! `pyro_mcp._native`: pyro's operations for the Python package, which wraps them.
//!
//! Each operation takes plain arguments, begins and is a `call::Call` from then
//! on; its result is the dictionary that the command line prints as JSON. What reads the
//! environment, what waits and what raises is the package's part.

mod arguments;
mod call;
mod disks;
mod failure;
mod files;
mod flow;
mod native;
mod program;
mod runtime;
mod secrets;
mod server;
mod services;
mod shells;
mod snapshots;
mod stdin;
mod vms;
mod workspaces;

use pyo3::Bound;
use pyo3::prelude::{PyModule, PyModuleMethods, PyResult, pymodule};

/// The module that the package imports.
#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<call::Call>()?;
    module.add_class::<native::Native>()?;
    Ok(())
}
