//! The desk: where a worker finds its input and leaves its output, while the main thread carries
//! both.

use crate::failure::{failure, from_errno};
use crate::wire::{Gone, Wire};
use crate::workers::Workers;
use pyro_protocol::message::{Failure, FailureKind, Reply};
use pyro_protocol::tree::{Batch, RecordError};
use pyro_protocol::{Frame, FrameKind};
use pyro_tree::TreeError;
use rustix::io::Errno;
use tokio::sync::mpsc;

/// Frames that may lie on either side: one in work, one to go on with.
const DEPTH: usize = 2;

/// Why an operation does not go on.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The host has left; nobody is to be told.
    Gone,
    /// It cannot be done.
    Failed(Failure),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<TreeError> for Stop {
    fn from(err: TreeError) -> Self {
        let text = err.to_string();
        Self::Failed(match err {
            TreeError::System { source, .. } => from_errno(&text, source),
            TreeError::Special { .. } => failure(FailureKind::Unsupported, text),
            TreeError::Exists { .. } => failure(FailureKind::Exists, text),
            _ => failure(FailureKind::InvalidInput, text),
        })
    }
}

impl From<RecordError> for Stop {
    fn from(err: RecordError) -> Self {
        Self::Failed(failure(FailureKind::InvalidInput, err.to_string()))
    }
}

/// A failed system call on a path.
pub(crate) fn failed(what: &str, path: &[u8]) -> impl FnOnce(Errno) -> Stop {
    let text = format!("cannot {what} {}", String::from_utf8_lossy(path));
    move |errno| Stop::Failed(from_errno(&text, errno))
}

/// The worker's side.
pub(crate) struct Desk {
    input: mpsc::Receiver<Frame>,
    output: mpsc::Sender<Vec<u8>>,
}

impl Desk {
    /// The next piece of the host's input; `None` when that is complete.
    pub(crate) fn next(&mut self) -> Result<Option<Vec<u8>>, Stop> {
        match self.input.blocking_recv() {
            Some(Frame { kind: FrameKind::Input, payload }) => Ok(Some(payload)),
            Some(Frame { kind: FrameKind::InputEnd, .. }) => Ok(None),
            Some(_) => Err(failure(FailureKind::InvalidInput, "a frame has no place here").into()),
            None => Err(Stop::Gone),
        }
    }

    /// The output alone, for who reads the input meanwhile.
    pub(crate) fn outlet(&self) -> Outlet {
        Outlet(self.output.clone())
    }

    /// Send records.
    pub(crate) fn send(&self, batch: Batch) -> Result<(), Stop> {
        self.send_frame(batch.into_frame(FrameKind::Stdout))
    }

    /// Send a whole frame.
    pub(crate) fn send_frame(&self, frame: Vec<u8>) -> Result<(), Stop> {
        self.output.blocking_send(frame).map_err(|_| Stop::Gone)
    }
}

/// The output of a desk.
pub(crate) struct Outlet(mpsc::Sender<Vec<u8>>);

impl Outlet {
    /// Send records.
    pub(crate) fn send(&self, batch: Batch) -> Result<(), Stop> {
        self.0.blocking_send(batch.into_frame(FrameKind::Stdout)).map_err(|_| Stop::Gone)
    }
}

/// Let a worker do `job` and carry its frames, to the last reply. When the host leaves, the worker
/// is told where it next reads or writes, and waited for.
pub(crate) async fn serve(
    wire: &Wire,
    workers: &Workers,
    job: impl FnOnce(&mut Desk) -> Result<Reply, Stop> + Send + 'static,
) {
    let (to, input) = mpsc::channel(DEPTH);
    let (output, mut from) = mpsc::channel::<Vec<u8>>(DEPTH);
    let answer = workers.run(move || job(&mut Desk { input, output }));
    let outward = async {
        while let Some(frame) = from.recv().await {
            wire.send_frame(&frame).await?;
        }
        Ok::<(), Gone>(())
    };
    let inward = async {
        while let Ok(frame) = wire.recv().await {
            // A worker that needs no more does not stop the host from leaving.
            let _ = to.send(frame).await;
        }
    };
    let carried = tokio::select! {
        biased;
        carried = outward => carried,
        () = inward => Err(Gone),
    };
    drop((from, to));
    let reply = match answer.await {
        Ok(Ok(reply)) => reply,
        Ok(Err(Stop::Failed(failure))) => Reply::Failed(failure),
        Ok(Err(Stop::Gone)) => return,
        Err(_) => Reply::Failed(failure(FailureKind::Busy, "no thread can be had")),
    };
    if carried.is_ok() {
        wire.finish(&reply).await;
    }
}
