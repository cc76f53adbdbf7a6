//! What a running operation and whoever waits for it share: output as it comes, and the end.

use crate::failure::Failure;
use pyo3::prelude::PyAnyMethods;
use pyo3::{Bound, Py, PyAny, PyResult, Python};
use pyro_core::OutputStream;
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Bytes of output that may wait to be taken; then the command waits.
const ROOM: usize = 1 << 20;

/// A result that becomes a Python object where it is taken.
pub(crate) type Answer = Box<dyn FnOnce(Python<'_>) -> PyResult<Py<PyAny>> + Send>;

/// A piece of one of the two outputs.
pub(crate) type Chunk = (OutputStream, Vec<u8>);

#[derive(Default)]
struct State {
    chunks: VecDeque<Chunk>,
    queued: usize,
    /// Nobody takes output any more.
    closed: bool,
    ended: bool,
    outcome: Option<Result<Answer, Failure>>,
}

/// Output on its way, and the outcome.
#[derive(Default)]
pub(crate) struct Flow {
    state: Mutex<State>,
    /// Something is there to be taken, or the operation has ended.
    ready: Condvar,
    /// There is room for more output.
    room: Condvar,
    /// Called when something is ready. It has a lock of its own, which nobody holds while it waits
    /// for Python.
    waker: Mutex<Option<Py<PyAny>>>,
}

impl Flow {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hand output on, once there is room for it; dropped where nobody takes it.
    pub(crate) fn push(&self, stream: OutputStream, bytes: &[u8]) {
        let mut state = self.state();
        while state.queued >= ROOM && !state.closed {
            state = self.room.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.closed {
            return;
        }
        let was_empty = state.chunks.is_empty();
        state.queued += bytes.len();
        match state.chunks.back_mut() {
            Some((last, held)) if *last == stream => held.extend_from_slice(bytes),
            _ => state.chunks.push_back((stream, bytes.to_vec())),
        }
        drop(state);
        if was_empty {
            self.ready.notify_all();
            if self.has_waker() {
                self.call_waker();
            }
        }
    }

    /// End; whether the waker is still to be called.
    #[must_use]
    pub(crate) fn end(&self, outcome: Result<Answer, Failure>) -> bool {
        let mut state = self.state();
        state.outcome = Some(outcome);
        state.ended = true;
        drop(state);
        self.ready.notify_all();
        self.has_waker()
    }

    /// Take no more output.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        state.chunks.clear();
        state.queued = 0;
        drop(state);
        self.room.notify_all();
    }

    /// All output that waits; none once everything was taken and the operation has ended.
    pub(crate) fn take(&self) -> Option<VecDeque<Chunk>> {
        let mut state = self.state();
        if state.ended && state.chunks.is_empty() {
            return None;
        }
        let chunks = std::mem::take(&mut state.chunks);
        state.queued = 0;
        drop(state);
        self.room.notify_all();
        Some(chunks)
    }

    /// What came of it; none before the end, and once it was taken.
    pub(crate) fn outcome(&self) -> Option<Result<Answer, Failure>> {
        self.state().outcome.take()
    }

    /// Whether the operation has ended.
    pub(crate) fn has_ended(&self) -> bool {
        self.state().ended
    }

    /// Wait until something is ready, at most for `limit`; whether it is.
    pub(crate) fn wait(&self, limit: Duration) -> bool {
        let is_idle = |state: &mut State| state.chunks.is_empty() && !state.ended;
        let waited = self.ready.wait_timeout_while(self.state(), limit, is_idle);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// Call `waker` whenever something is ready, and now if it is.
    pub(crate) fn on_ready(&self, waker: &Bound<'_, PyAny>) -> PyResult<()> {
        let kept = waker.clone().unbind();
        let before = self.waker.lock().unwrap_or_else(PoisonError::into_inner).replace(kept);
        drop(before);
        let is_ready = {
            let state = self.state();
            state.ended || !state.chunks.is_empty()
        };
        if is_ready {
            waker.call0()?;
        }
        Ok(())
    }

    fn has_waker(&self) -> bool {
        self.waker.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Call the waker, which waits for Python.
    pub(crate) fn call_waker(&self) {
        // None where the interpreter is ending: then nobody waits.
        Python::try_attach(|py| {
            let waker = {
                let waker = self.waker.lock().unwrap_or_else(PoisonError::into_inner);
                waker.as_ref().map(|waker| waker.clone_ref(py))
            };
            // An event loop that was closed waits for nothing.
            if let Some(Err(_)) = waker.map(|waker| waker.call0(py)) {}
        });
    }
}
