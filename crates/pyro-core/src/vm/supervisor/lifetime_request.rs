//! What the other parts of a supervisor tell of the vm's lifetime.

/// What the other parts of a supervisor tell of the vm's lifetime.
#[derive(Clone, Copy, Debug)]
pub(super) enum LifetimeRequest {
    /// The one in the vm's record is another now.
    Changed,
    /// Whoever had the vm for one use is done, or gone.
    Used,
}
