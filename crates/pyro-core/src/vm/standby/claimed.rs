//! A vm that stood by and was claimed, from both sides.

use super::in_use::InUse;
use crate::config::Config;
use crate::execution_mode::ExecutionMode;
use crate::guest::client;
use crate::host::clock;
use crate::id::Id;
use crate::vm::control::client::SupervisorClient;
use crate::vm::error::VmError;
use crate::vm::failure::Failure;
use pyro_protocol::message::{Request, SetClock};
use std::time::Duration;
use tokio::sync::oneshot;

/// How long a guest that stood by may take to answer before another vm is taken; it takes 2 ms on
/// an idle host.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// A vm that stood by and is its claimant's now; it is gone soon after this value is.
#[derive(Debug)]
pub(in crate::vm) struct Claimed {
    /// The vm.
    pub(in crate::vm) id: Id,
    /// Version of its environment.
    pub(in crate::vm) environment_version: Option<String>,
    /// `guest_kvm` or `guest_tcg`.
    pub(in crate::vm) execution_mode: ExecutionMode,
    pub(super) release: oneshot::Sender<()>,
    pub(super) ended: oneshot::Receiver<Ended>,
}

/// How a used vm ended.
pub(in crate::vm) type Ended = Result<Option<Failure>, VmError>;

/// What a claimant leaves with a vm.
#[derive(Debug)]
pub(super) struct Claim {
    /// Closes when the claimant is done with it.
    pub(super) released: oneshot::Receiver<()>,
    /// Where it hears of the end.
    pub(super) ended: oneshot::Sender<Ended>,
    /// Counts the vm until nothing is left of it.
    pub(super) in_use: InUse,
}

impl Claimed {
    /// Give its guest the time: it may have waited for days, through a sleep of the host. Shows
    /// that it answers.
    ///
    /// # Errors
    /// When it does not: no command has begun in it.
    pub(in crate::vm) async fn wake(&self, config: &Config) -> Result<(), VmError> {
        let call = async {
            let stream = SupervisorClient::new(config, self.id).connect().await?;
            let request = Request::SetClock(SetClock { wall_clock_ns: clock::wall_ns() });
            client::call(stream, &request).await.map_err(VmError::Guest)
        };
        tokio::time::timeout(ANSWER_LIMIT, call).await.unwrap_or(Err(VmError::Stuck))
    }

    /// Give it up and wait until nothing is left of it; why it had ended before, if it had.
    ///
    /// # Errors
    /// When its supervisor died: its leftovers are cleared away by now.
    pub(in crate::vm) async fn end(self) -> Ended {
        let Self { release, ended, .. } = self;
        drop(release);
        ended.await.unwrap_or(Ok(None))
    }

    /// Give it up; `Standby::close` waits until nothing is left of it.
    pub(in crate::vm) fn give_up(self) {}
}
