//! Whoever waits for a long operation.

use crate::environment::Progress;
use tokio_util::sync::CancellationToken;

/// Whoever waits for a long operation: it is told of progress, and can cancel. By default nobody is
/// told and nothing is cancelled.
#[derive(Default)]
pub struct Caller {
    progress: Option<Box<dyn FnMut(Progress) + Send>>,
    /// Cancels the operation, which then ends with [`crate::ErrorKind::Conflict`] and leaves
    /// nothing behind.
    pub cancel: CancellationToken,
}

impl Caller {
    /// One that can cancel.
    #[must_use]
    pub fn with_cancel(cancel: &CancellationToken) -> Self {
        Self { progress: None, cancel: cancel.clone() }
    }

    /// The same, told of progress by `tell`, which is called on the operation's thread and must
    /// return at once.
    #[must_use]
    pub fn told(self, tell: impl FnMut(Progress) + Send + 'static) -> Self {
        Self { progress: Some(Box::new(tell)), ..self }
    }

    /// The same, cancelled by another token.
    pub(crate) fn cancelled_by(self, cancel: CancellationToken) -> Self {
        Self { cancel, ..self }
    }

    /// What tells of progress, and what cancels.
    pub(crate) fn parts(&mut self) -> (impl FnMut(Progress) + Send, &CancellationToken) {
        let Self { progress, cancel } = self;
        let tell = move |step| {
            if let Some(progress) = progress {
                progress(step);
            }
        };
        (tell, cancel)
    }
}

impl std::fmt::Debug for Caller {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let is_told = self.progress.is_some();
        out.debug_struct("Caller").field("is_told", &is_told).field("cancel", &self.cancel).finish()
    }
}
