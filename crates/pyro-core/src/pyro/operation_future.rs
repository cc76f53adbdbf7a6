//! The future of an operation, whose work is done on another thread.

use crate::error::PyroError;
use crate::host::async_thread::{self, ThreadError};
use crate::vm::VmError;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// An operation of [`crate::Pyro`]: it begins when it is first polled, on a tokio runtime.
///
/// Operations take locks, read files and wait for processes that die. They do so on threads of
/// their own: whoever awaits this is never blocked. What is called with output or progress is
/// called on those threads.
///
/// Dropped, an operation that can be cancelled is, and clears away on its thread; any other one
/// comes to its end there. [`crate::Pyro::close`] waits for that.
#[must_use = "an operation begins when it is awaited"]
pub struct OperationFuture<T>(Pin<Box<dyn Future<Output = Result<T, PyroError>> + Send>>);

impl<T: Send + 'static> OperationFuture<T> {
    /// Of `work` that clears away once the token that it is given is cancelled: when `cancel` is,
    /// or when this is dropped. `under_way` counts it.
    pub(super) fn cancellable(
        under_way: &TaskTracker,
        cancel: &CancellationToken,
        work: impl AsyncFnOnce(CancellationToken) -> Result<T, PyroError> + Send + 'static,
    ) -> Self {
        let (under_way, cancel) = (under_way.clone(), cancel.child_token());
        Self(Box::pin(async move {
            let _guard = cancel.clone().drop_guard();
            let counted = under_way.token();
            let work = async move || {
                let done = work(cancel).await;
                drop(counted);
                done
            };
            async_thread::run(work).await?
        }))
    }

    /// Of `work` that leaves nothing behind when it is dropped, which it is when this is.
    pub(super) fn until_dropped(
        under_way: &TaskTracker,
        work: impl AsyncFnOnce() -> Result<T, PyroError> + Send + 'static,
    ) -> Self {
        let until = async move |cancel: CancellationToken| {
            let done = cancel.run_until_cancelled(work()).await;
            done.unwrap_or_else(|| Err(VmError::Cancelled.into()))
        };
        Self::cancellable(under_way, &CancellationToken::new(), until)
    }

    /// Of short `work` that comes to its end once it has begun.
    pub(super) fn to_its_end(
        under_way: &TaskTracker,
        work: impl AsyncFnOnce() -> Result<T, PyroError> + Send + 'static,
    ) -> Self {
        Self::cancellable(under_way, &CancellationToken::new(), async move |_| work().await)
    }

    /// Of one step that waits for no other thread of the runtime's pool, where it is done.
    pub(super) fn step(
        under_way: &TaskTracker,
        act: impl FnOnce() -> Result<T, PyroError> + Send + 'static,
    ) -> Self {
        let under_way = under_way.clone();
        Self(Box::pin(async move {
            let counted = under_way.token();
            let act = move || {
                let done = act();
                drop(counted);
                done
            };
            match tokio::task::spawn_blocking(act).await {
                Ok(done) => done,
                Err(error) => match error.try_into_panic() {
                    Ok(panic) => Err(ThreadError::panicked(&*panic).into()),
                    // The runtime ends, and with it what did not begin.
                    Err(_) => Err(VmError::Cancelled.into()),
                },
            }
        }))
    }
}

impl<T> Future for OperationFuture<T> {
    type Output = Result<T, PyroError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(context)
    }
}

impl<T> fmt::Debug for OperationFuture<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("OperationFuture").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::{Arc, mpsc};
    use std::time::Duration;

    #[tokio::test]
    async fn a_dropped_operation_is_cancelled_and_clears_away() {
        let (under_way, cancel) = (TaskTracker::new(), CancellationToken::new());
        let cleared = Arc::new(AtomicBool::new(false));
        let (began, begun) = tokio::sync::oneshot::channel();
        let (go_on, clearing) = tokio::sync::oneshot::channel();
        let own = Arc::clone(&cleared);
        let operation = OperationFuture::cancellable(&under_way, &cancel, async move |cancel| {
            began.send(()).unwrap();
            cancel.cancelled().await;
            clearing.await.unwrap();
            own.store(true, Ordering::SeqCst);
            Ok(())
        });
        tokio::select! {
            done = operation => panic!("{done:?}"),
            begun = begun => begun.unwrap(),
        }
        go_on.send(()).unwrap();
        under_way.close();
        under_way.wait().await;
        assert!(cleared.load(Ordering::SeqCst));
        assert!(!cancel.is_cancelled(), "others may wait with the same token");
    }

    #[tokio::test]
    async fn a_token_ends_an_operation_that_is_awaited_until_it_has_cleared_away() {
        let (under_way, cancel) = (TaskTracker::new(), CancellationToken::new());
        let operation = OperationFuture::cancellable(&under_way, &cancel, async |cancel| {
            cancel.cancelled().await;
            Ok("cleared")
        });
        cancel.cancel();
        assert_eq!(operation.await.unwrap(), "cleared");
        assert!(under_way.is_empty());
    }

    #[tokio::test]
    async fn what_nobody_waits_for_is_dropped_or_comes_to_its_end() {
        struct Told(mpsc::Sender<&'static str>);
        impl Drop for Told {
            fn drop(&mut self) {
                self.0.send("dropped").unwrap();
            }
        }
        let (under_way, (tell, told)) = (TaskTracker::new(), mpsc::channel());
        let guard = Told(tell.clone());
        let endless = OperationFuture::until_dropped(&under_way, async move || {
            let _guard = guard;
            std::future::pending::<Result<(), PyroError>>().await
        });
        assert!(tokio::time::timeout(Duration::from_millis(50), endless).await.is_err());
        let (go, gone) = mpsc::channel();
        let step = OperationFuture::step(&under_way, move || {
            gone.recv().unwrap();
            tell.send("ended").unwrap();
            Ok(())
        });
        assert!(tokio::time::timeout(Duration::from_millis(50), step).await.is_err());
        go.send(()).unwrap();
        under_way.close();
        under_way.wait().await;
        assert_eq!(told.iter().take(2).collect::<Vec<_>>(), ["dropped", "ended"]);
    }

    #[tokio::test]
    async fn a_panic_is_an_internal_error() {
        let under_way = TaskTracker::new();
        let step = OperationFuture::<()>::step(&under_way, || panic!("oops"));
        let long = OperationFuture::<()>::until_dropped(&under_way, async || panic!("oops"));
        for failed in [step.await, long.await] {
            assert_eq!(failed.unwrap_err().kind(), ErrorKind::Internal);
        }
        assert!(under_way.is_empty());
    }
}
