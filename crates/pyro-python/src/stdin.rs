//! What a command reads: bytes, or a file of this process.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::PyResult;
use pyo3::pybacked::PyBackedBytes;
use pyo3::{Borrowed, FromPyObject, PyAny, PyErr};
use std::fs::File;
use std::io::Cursor;
use std::os::fd::{BorrowedFd, RawFd};
use tokio::io::AsyncRead;

/// Bytes, or a file.
pub(crate) enum Input {
    /// All of them are there.
    Bytes(PyBackedBytes),
    /// A duplicate of its descriptor.
    File(File),
}

impl<'py> FromPyObject<'_, 'py> for Input {
    type Error = PyErr;

    fn extract(given: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(bytes) = given.extract::<PyBackedBytes>() {
            return Ok(Self::Bytes(bytes));
        }
        let number: RawFd = given.extract().map_err(|_| {
            PyTypeError::new_err("stdin must be text, bytes or a file with a descriptor")
        })?;
        if number < 0 {
            return Err(PyTypeError::new_err("stdin is a closed file"));
        }
        // SAFETY: it is only borrowed for the call that duplicates it; where it is no open
        // descriptor that call says so.
        let borrowed = unsafe { BorrowedFd::borrow_raw(number) };
        Ok(Self::File(File::from(borrowed.try_clone_to_owned()?)))
    }
}

impl Input {
    /// As core reads it.
    pub(crate) fn reader(self) -> Box<dyn AsyncRead + Unpin + Send> {
        match self {
            Self::Bytes(bytes) => Box::new(Cursor::new(bytes)),
            Self::File(file) => Box::new(tokio::fs::File::from_std(file)),
        }
    }
}
