//! Counting the vms that are claimed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A claimed vm, counted until this is dropped.
#[derive(Debug)]
pub(super) struct InUse(Arc<AtomicUsize>);

impl InUse {
    pub(super) fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
