//! Hold: a stage that goes with whoever staged it.

use super::freeze::released;
use super::{Root, commit};
use crate::failure::failure;
use crate::place::Place;
use crate::wire::Wire;
use crate::workers::Workers;
use pyro_protocol::files::Hold;
use pyro_protocol::message::{Failure, FailureKind, Reply};
use std::cell::RefCell;

/// Wait until the host lets go of a stage, or is gone; then remove what it has not committed.
pub(crate) async fn hold(place: &RefCell<Place>, workers: &Workers, wire: &Wire, request: Hold) {
    released(wire).await;
    let reply = match discard(place, workers, request).await {
        Ok(()) => Reply::Done,
        Err(failure) => Reply::Failed(failure),
    };
    wire.finish(&reply).await;
}

async fn discard(place: &RefCell<Place>, workers: &Workers, request: Hold) -> Result<(), Failure> {
    let root = Root::of(&place.borrow())?;
    let discarded = workers.run(move || commit::discard(&root, &request.stage));
    discarded.await.unwrap_or_else(|_| Err(failure(FailureKind::Busy, "no thread can be had")))
}
