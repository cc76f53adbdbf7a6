//! The process's one tokio runtime, made at the first call.

use pyo3::exceptions::PyRuntimeError;
use pyo3::{PyErr, PyResult};
use std::io;
use std::sync::OnceLock;
use tokio::runtime::{Builder, Handle, Runtime};

/// Threads that begin calls and await them; what blocks runs on threads of core's.
const WORKERS: usize = 2;

/// The runtime and the process that has its threads.
struct Owned {
    runtime: Runtime,
    process: u32,
}

static RUNTIME: OnceLock<io::Result<Owned>> = OnceLock::new();

/// The runtime.
///
/// # Errors
/// In a process that was forked after the first call: it has none of the threads.
pub(crate) fn handle() -> PyResult<Handle> {
    let made = RUNTIME.get_or_init(|| {
        let runtime = Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .thread_name("pyro")
            .enable_all()
            .build()?;
        Ok(Owned { runtime, process: std::process::id() })
    });
    match made {
        Ok(owned) if owned.process != std::process::id() => Err(forked()),
        Ok(owned) => Ok(owned.runtime.handle().clone()),
        Err(error) => Err(PyRuntimeError::new_err(format!("cannot start pyro's threads: {error}"))),
    }
}

/// Refuse to wait for what only threads of the parent process could do.
pub(crate) fn check_process() -> PyResult<()> {
    handle().map(drop)
}

fn forked() -> PyErr {
    PyRuntimeError::new_err(
        "this process was forked after pyro was used in its parent, and pyro's threads are not in \
         it; start processes with multiprocessing's \"spawn\" or \"forkserver\", or use pyro only \
         in the child",
    )
}
