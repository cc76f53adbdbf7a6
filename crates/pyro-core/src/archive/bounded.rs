//! `Bounded`: an archive's bytes, with a limit while only headers are read.

use super::error::TarError;
use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

/// What the reader of an archive and its user tell each other.
#[derive(Default)]
pub(super) struct Watch {
    /// Bytes that may still be read while no entry's content is: only headers are, and they are
    /// bounded.
    pub(super) budget: Cell<Option<u64>>,
    /// Whether there is nothing more to read.
    pub(super) is_over: Cell<bool>,
}

/// Counts what is read, and sees its end.
pub(super) struct Bounded<R> {
    pub(super) inner: R,
    pub(super) watch: Rc<Watch>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.watch.is_over.get() || buffer.is_empty() {
            return Ok(0);
        }
        let read = self.inner.read(buffer);
        let is_over = match &read {
            Ok(len) => *len == 0,
            Err(error) => error.kind() == io::ErrorKind::UnexpectedEof,
        };
        self.watch.is_over.set(is_over);
        let len = read?;
        if let Some(budget) = self.watch.budget.get() {
            let rest = budget.checked_sub(len as u64);
            let long = || {
                io::Error::new(io::ErrorKind::InvalidData, "the headers of an entry are too long")
            };
            self.watch.budget.set(Some(rest.ok_or_else(long)?));
        }
        Ok(len)
    }
}

impl Watch {
    /// An archive that could not be read because it ended is one that was cut.
    pub(super) fn explain(&self, error: TarError) -> TarError {
        match error {
            TarError::Io(_) if self.is_over.get() => TarError::Truncated,
            error => error,
        }
    }
}
