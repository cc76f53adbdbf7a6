//! A failure of the monitor.

use super::wire::WireError;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// Longest wait for one answer, and for the next event of something that is under way.
pub(super) const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// A failure of the monitor.
#[derive(Clone, Debug, thiserror::Error)]
pub enum MonitorError {
    /// The connection broke: QEMU ended.
    #[error("QEMU closed its monitor")]
    Closed,
    /// Reading or writing failed.
    #[error("QEMU's monitor cannot be reached")]
    Io(#[source] Arc<io::Error>),
    /// What came is not QMP, or more than anything QEMU says.
    #[error("QEMU's monitor answered nonsense")]
    Malformed,
    /// No answer in time.
    #[error("QEMU's monitor did not answer {command} within {} s", ANSWER_LIMIT.as_secs())]
    Timeout {
        /// The command, or the event that was waited for.
        command: &'static str,
    },
    /// QEMU refused a command.
    #[error("QEMU refused {command}: {description}")]
    Refused {
        /// The command.
        command: &'static str,
        /// QEMU's words.
        description: String,
    },
}

impl From<io::Error> for MonitorError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::Closed,
            _ => WireError::from(error).into(),
        }
    }
}

impl From<WireError> for MonitorError {
    fn from(error: WireError) -> Self {
        match error {
            WireError::Closed => Self::Closed,
            WireError::Io(error) => Self::Io(Arc::new(error)),
            WireError::Malformed => Self::Malformed,
        }
    }
}
