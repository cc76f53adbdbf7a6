//! One vm that waits, as the pool holds it.

use super::claimed::{Claim, Claimed};
use super::in_use::InUse;
use crate::backing::Backing;
use crate::execution_mode::ExecutionMode;
use crate::id::Id;
use tokio::sync::oneshot;

/// A vm that waits, as the pool holds it; dropped, the vm ends.
#[derive(Debug)]
pub(super) struct Waiting {
    /// The vm.
    pub(super) id: Id,
    /// Name of its environment.
    pub(super) environment: String,
    /// Digest of the image that its disk stands on.
    pub(super) backing: Backing,
    /// Version of that image.
    pub(super) environment_version: Option<String>,
    /// `guest_kvm` or `guest_tcg`.
    pub(super) execution_mode: ExecutionMode,
    /// Takes what a claimant leaves; closed when the vm has ended.
    pub(super) claim: oneshot::Sender<Claim>,
}

impl Waiting {
    /// Whether it has ended meanwhile.
    pub(super) fn is_over(&self) -> bool {
        self.claim.is_closed()
    }

    /// Make it the caller's; none when it has just ended.
    pub(super) fn claim(self, in_use: InUse) -> Option<Claimed> {
        let (release, released) = oneshot::channel();
        let (tell, ended) = oneshot::channel();
        self.claim.send(Claim { released, ended: tell, in_use }).ok()?;
        Some(Claimed {
            id: self.id,
            environment_version: self.environment_version,
            execution_mode: self.execution_mode,
            release,
            ended,
        })
    }
}
