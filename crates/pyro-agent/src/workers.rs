//! Workers: threads for what blocks, so that a slow disk holds up nobody but the one who waits for
//! it.
//!
//! A thread cannot be made by the agent's main thread once that has entered a PID namespace for its
//! children: the kernel refuses it. The foreman, a thread that never entered one, makes them.

use std::io;
use std::sync::mpsc::{self, Sender};
use std::thread::Builder;
use tokio::sync::oneshot;

/// Bytes of stack; the work keeps its buffers elsewhere.
const STACK_LEN: usize = 256 * 1024;

type Job = Box<dyn FnOnce() + Send>;

/// Where work is given; clones share the foreman.
#[derive(Clone)]
pub(crate) struct Workers {
    jobs: Sender<Job>,
}

impl Workers {
    /// Start the foreman; in a guest before its disk is mounted.
    pub(crate) fn start() -> io::Result<Self> {
        let (jobs, given) = mpsc::channel::<Job>();
        Builder::new().stack_size(STACK_LEN).spawn(move || {
            for job in given {
                // A job that no thread can be had for is dropped: who waits for its answer learns
                // of that.
                let _ = Builder::new().stack_size(STACK_LEN).spawn(job);
            }
        })?;
        Ok(Self { jobs })
    }

    /// Do `job` in a thread of its own; the answer never comes when there is none to be had.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> oneshot::Receiver<T> {
        let (answer, answered) = oneshot::channel();
        let job = Box::new(move || {
            let _ = answer.send(job());
        });
        let _ = self.jobs.send(job);
        answered
    }
}
