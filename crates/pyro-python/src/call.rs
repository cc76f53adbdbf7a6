//! `Call`: an operation under way, as the package waits for it.

use crate::failure::Failure;
use crate::flow::{Answer, Chunk, Flow};
use crate::runtime;
use pyo3::prelude::{PyResult, Python, pyclass, pymethods};
use pyo3::types::PyBytes;
use pyo3::{Bound, Py, PyAny};
use pyro_core::{CancellationToken, ErrorKind, OutputStream};
use std::sync::Arc;
use std::time::Duration;

/// How long a wait takes before signals are looked at again.
const LOOK: Duration = Duration::from_millis(50);

/// An operation under way. Whoever lets go of it cancels it.
#[pyclass(frozen, module = "pyro_mcp._native")]
pub(crate) struct Call {
    flow: Arc<Flow>,
    cancel: CancellationToken,
}

/// What an operation has of its caller.
pub(crate) struct Turn {
    /// Where output goes and the outcome comes from.
    pub(crate) flow: Arc<Flow>,
    /// Says that nobody wants it any more.
    pub(crate) cancel: CancellationToken,
}

impl Call {
    /// Do `work`, which blocks no thread: what may block does so on a thread of core's.
    pub(crate) fn start<F>(work: impl FnOnce(Turn) -> F) -> PyResult<Self>
    where
        F: Future<Output = Result<Answer, Failure>> + Send + 'static,
    {
        let handle = runtime::handle()?;
        let call = Self { flow: Arc::default(), cancel: CancellationToken::new() };
        let (flow, cancel) = (Arc::clone(&call.flow), call.cancel.clone());
        let ending = Ending(Arc::clone(&flow));
        let work = work(Turn { flow, cancel });
        handle.spawn(async move { ending.end(work.await) });
        Ok(call)
    }
}

/// Ends the flow of an operation that panicked, so that nobody waits for it.
struct Ending(Arc<Flow>);

impl Ending {
    /// End it. Where an event loop is to be woken, that waits for Python, as a thread of the
    /// runtime never does.
    fn end(&self, outcome: Result<Answer, Failure>) {
        if self.0.end(outcome) {
            let flow = Arc::clone(&self.0);
            tokio::task::spawn_blocking(move || flow.call_waker());
        }
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        if !self.0.has_ended() {
            let message = "the operation broke off; its words are on stderr";
            let hint = "this is a fault of pyro's own: please report it";
            self.end(Err(Failure::new(ErrorKind::Internal, message, hint)));
        }
    }
}

#[pymethods]
impl Call {
    /// Wait until there is output to take or the operation has ended. Signals are handled
    /// meanwhile.
    fn wait(&self, py: Python<'_>) -> PyResult<()> {
        runtime::check_process()?;
        while !py.detach(|| self.flow.wait(LOOK)) {
            py.check_signals()?;
        }
        Ok(())
    }

    /// Output that came, as pairs of whether it is stderr and the bytes; None at the end.
    fn take<'py>(&self, py: Python<'py>) -> Option<Vec<(bool, Bound<'py, PyBytes>)>> {
        let chunk =
            |(stream, bytes): Chunk| (stream == OutputStream::Stderr, PyBytes::new(py, &bytes));
        Some(self.flow.take()?.into_iter().map(chunk).collect())
    }

    /// Call `waker` without arguments, from any thread, whenever there is something to take.
    fn on_ready(&self, waker: &Bound<'_, PyAny>) -> PyResult<()> {
        self.flow.on_ready(waker)
    }

    /// Cancel, and take no more output; the end comes when nothing of the operation is left.
    fn cancel(&self) {
        self.cancel.cancel();
        self.flow.close();
    }

    /// After the end, once: whether it went well, and the result or the failure.
    fn outcome(&self, py: Python<'_>) -> PyResult<Option<(bool, Py<PyAny>)>> {
        let Some(outcome) = self.flow.outcome() else { return Ok(None) };
        Ok(Some(match outcome {
            Ok(answer) => (true, answer(py)?),
            Err(failure) => (false, pythonize::pythonize(py, &failure)?.unbind()),
        }))
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.cancel.cancel();
        self.flow.close();
    }
}
