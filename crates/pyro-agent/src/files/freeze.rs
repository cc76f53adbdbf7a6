//! Freeze: writes to the disk are held while the host takes it as it is, and never longer than was
//! said.

use super::root::Root;
use crate::failure::{failure, from_io};
use crate::place::Place;
use crate::sys;
use crate::wire::Wire;
use crate::workers::Workers;
use pyro_protocol::FrameKind;
use pyro_protocol::files::{Freeze, MAX_FREEZE_MS};
use pyro_protocol::message::{Failure, FailureKind, Reply};
use std::cell::RefCell;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::Duration;
use tokio::sync::oneshot;

/// Hold writes until the host has done, has left, or the limit is over.
pub(crate) async fn freeze(
    place: &RefCell<Place>,
    workers: &Workers,
    wire: &Wire,
    request: &Freeze,
) {
    let reply = match begin(place, workers, request).await {
        Err(failure) => Reply::Failed(failure),
        Ok((thaw, mut ended)) => {
            if wire.send(&Reply::Frozen).await.is_ok() {
                tokio::select! {
                    biased;
                    _ = &mut ended => return wire.finish(&Reply::Failed(over(request))).await,
                    () = released(wire) => {}
                }
            }
            drop(thaw);
            match ended.await {
                Ok(Thawed::Released(Ok(()))) => Reply::Done,
                Ok(Thawed::Released(Err(err))) => {
                    Reply::Failed(from_io("cannot thaw the disk", &err))
                }
                Ok(Thawed::Over) | Err(_) => Reply::Failed(over(request)),
            }
        }
    };
    wire.finish(&reply).await;
}

fn over(request: &Freeze) -> Failure {
    failure(
        FailureKind::WrongState,
        format!("writes went on after {} ms, before they were released", request.limit_ms),
    )
}

/// How a freeze ended.
enum Thawed {
    Released(std::io::Result<()>),
    Over,
}

async fn begin(
    place: &RefCell<Place>,
    workers: &Workers,
    request: &Freeze,
) -> Result<(Sender<()>, oneshot::Receiver<Thawed>), Failure> {
    if !place.borrow().is_guest() {
        return Err(failure(
            FailureKind::Unsupported,
            "a plain process has no disk of its own to freeze",
        ));
    }
    if !(1..=MAX_FREEZE_MS).contains(&request.limit_ms) {
        let text =
            format!("a freeze of {} ms is not within 1 and {MAX_FREEZE_MS}", request.limit_ms);
        return Err(failure(FailureKind::InvalidInput, text));
    }
    let root = Root::of(&place.borrow())?;
    let limit = Duration::from_millis(request.limit_ms.into());
    let (thaw, released) = mpsc::channel::<()>();
    let (answer, begun) = oneshot::channel();
    // One thread does both, so that nothing can keep it from thawing: it waits for nobody that
    // writes.
    let ended = workers.run(move || {
        let frozen = sys::freeze(root.as_fd());
        let is_frozen = frozen.is_ok();
        let is_heard = answer.send(frozen).is_ok();
        if !is_frozen {
            return Thawed::Over;
        }
        let waited = if is_heard {
            released.recv_timeout(limit)
        } else {
            Err(RecvTimeoutError::Disconnected)
        };
        let thawed = sys::thaw(root.as_fd());
        match waited {
            Err(RecvTimeoutError::Timeout) => Thawed::Over,
            Ok(()) | Err(RecvTimeoutError::Disconnected) => Thawed::Released(thawed),
        }
    });
    match begun.await {
        Ok(Ok(())) => Ok((thaw, ended)),
        Ok(Err(err)) => Err(from_io("cannot freeze the disk", &err)),
        Err(_) => Err(failure(FailureKind::Busy, "no thread can be had")),
    }
}

/// Wait until the host lets go, or is gone.
pub(super) async fn released(wire: &Wire) {
    while let Ok(frame) = wire.recv().await {
        if frame.kind == FrameKind::InputEnd {
            return;
        }
    }
}
