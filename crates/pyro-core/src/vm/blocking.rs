//! Work that blocks, away from the threads that serve async tasks.

use super::error::VmError;

/// Do what blocks on a thread of its own; it comes to its end whether or not somebody waits for it.
pub(crate) async fn blocking<T: Send + 'static>(
    act: impl FnOnce() -> Result<T, VmError> + Send + 'static,
) -> Result<T, VmError> {
    match tokio::task::spawn_blocking(act).await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(VmError::Cancelled),
        },
    }
}
