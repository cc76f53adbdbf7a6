//! How long the end of a vm may take, for those who wait for it and for those who bring it about.

use std::time::Duration;

/// How long a guest may take to write its disk back and end; then it is killed, and its
/// filesystem's journal has to do.
pub(super) const POWER_OFF_LIMIT: Duration = Duration::from_secs(30);

/// How long an ended vm's supervisor may take to clear away.
pub(super) const CLEAR_LIMIT: Duration = Duration::from_secs(20);
