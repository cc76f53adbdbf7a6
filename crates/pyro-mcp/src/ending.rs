//! The end of a server: calls under way are cancelled, and awaited until nothing of them is left.

use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long cancelled calls may take to clear away their vms.
const CLEAR_LIMIT: Duration = Duration::from_secs(20);

/// Says that the server is to end, and knows what is still under way.
#[derive(Clone, Debug, Default)]
pub struct Ending {
    pub(crate) token: CancellationToken,
    pub(crate) work: TaskTracker,
}

impl Ending {
    /// End: no call begins any more, and those under way are cancelled.
    pub fn begin(&self) {
        self.token.cancel();
    }

    /// Wait for [`Ending::begin`].
    pub async fn begun(&self) {
        self.token.cancelled().await;
    }

    /// Begin, and wait until no call is under way.
    pub async fn complete(&self) {
        self.begin();
        self.work.close();
        if tokio::time::timeout(CLEAR_LIMIT, self.work.wait()).await.is_err() {
            tracing::warn!(
                "calls do not end; what is left of their vms waits for the next command"
            );
        }
    }
}
