//! Hold: a stage that goes with whoever staged it.

use super::freeze::released;
use super::{Root, commit};
use crate::agent::Agent;
use crate::failure::failure;
use crate::wire::Wire;
use pyro_protocol::files::Hold;
use pyro_protocol::message::{Failure, FailureKind, Reply};

/// Wait until the host lets go of a stage, or is gone; then remove what it has not committed.
pub(crate) async fn hold(agent: &Agent, wire: &Wire, request: Hold) {
    released(wire).await;
    let reply = match discard(agent, request).await {
        Ok(()) => Reply::Done,
        Err(failure) => Reply::Failed(failure),
    };
    wire.finish(&reply).await;
}

async fn discard(agent: &Agent, request: Hold) -> Result<(), Failure> {
    let root = Root::of(agent)?;
    let discarded = agent.workers()?.run(move || commit::discard(&root, &request.stage));
    discarded.await.unwrap_or_else(|_| Err(failure(FailureKind::Busy, "no thread can be had")))
}
