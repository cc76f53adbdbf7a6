//! Arguments as the package hands them over, and as core takes them.

use crate::failure::Failure;
use pyo3::exceptions::{PyOverflowError, PyTypeError};
use pyo3::prelude::PyAnyMethods;
use pyo3::types::PyDict;
use pyo3::{Borrowed, Bound, FromPyObject, PyAny, PyErr, PyResult};
use pyro_core::limits::{MAX_READ_BYTES, timeout};
use pyro_core::{
    ErrorKind, ExecOptions, Id, LineRequest, OptionError, Pyro, PyroError, Shape, Variable,
    WorkspacePath,
};
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

/// A whole number of any size. One beyond 64 bits is out of every range that there is, so the
/// nearest serves as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Number(pub(crate) i64);

impl<'py> FromPyObject<'_, 'py> for Number {
    type Error = PyErr;

    fn extract(given: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        match given.extract::<i64>() {
            Err(error) if error.is_instance_of::<PyOverflowError>(given.py()) => {
                Ok(Self(if given.lt(0)? { i64::MIN } else { i64::MAX }))
            }
            number => Ok(Self(number?)),
        }
    }
}

impl From<Number> for i64 {
    fn from(number: Number) -> Self {
        number.0
    }
}

impl Number {
    /// A number that must lie within these.
    pub(crate) fn within(self, name: &str, least: u64, most: u64) -> Result<u64, Failure> {
        u64::try_from(self.0).ok().filter(|number| (least..=most).contains(number)).ok_or_else(
            || {
                let expected = match most {
                    u64::MAX => format!("at least {least}"),
                    most => format!("between {least} and {most}"),
                };
                invalid(format!("{name} is {}; it must be {expected}", self.0), "")
            },
        )
    }
}

/// An argument that cannot be.
pub(crate) fn invalid(message: impl Into<String>, hint: &str) -> Failure {
    Failure::new(ErrorKind::InvalidInput, message, hint)
}

/// The argument of this name; an error names it.
pub(crate) fn argument<'py, T>(given: &Bound<'py, PyDict>, name: &str) -> PyResult<T>
where
    T: for<'a> FromPyObject<'a, 'py>,
{
    let value = given.as_any().get_item(name)?;
    value.extract::<T>().map_err(|error| {
        let error: PyErr = error.into();
        PyTypeError::new_err(format!("argument '{name}': {}", error.value(given.py())))
    })
}

/// The machine that an operation makes.
pub(crate) struct Machine {
    pub(crate) environment: String,
    pub(crate) vcpu_count: Number,
    pub(crate) mem_mib: Number,
    pub(crate) ttl_seconds: Number,
    pub(crate) allow_host_compat: bool,
}

impl Machine {
    /// Of the arguments with its names.
    pub(crate) fn of(given: &Bound<'_, PyDict>) -> PyResult<Self> {
        Ok(Self {
            environment: argument(given, "environment")?,
            vcpu_count: argument(given, "vcpu_count")?,
            mem_mib: argument(given, "mem_mib")?,
            ttl_seconds: argument(given, "ttl_seconds")?,
            allow_host_compat: argument(given, "allow_host_compat")?,
        })
    }
}

impl Machine {
    /// Its shape, checked.
    pub(crate) fn shape(&self) -> Result<Shape, PyroError> {
        Ok(Shape::new(self.vcpu_count, self.mem_mib, self.ttl_seconds)?)
    }
}

/// A command, and how it is to run.
pub(crate) struct Line {
    command: String,
    timeout_seconds: Number,
    cwd: Option<String>,
    env: Vec<(String, String)>,
    user: Option<String>,
    shell: String,
}

impl Line {
    /// Of the arguments with its names.
    pub(crate) fn of(given: &Bound<'_, PyDict>) -> PyResult<Self> {
        Ok(Self {
            command: argument(given, "command")?,
            timeout_seconds: argument(given, "timeout_seconds")?,
            cwd: argument(given, "cwd")?,
            env: argument(given, "env")?,
            user: argument(given, "user")?,
            shell: argument(given, "shell")?,
        })
    }
}

impl Line {
    /// As core takes it; `options` says what may be chosen there.
    pub(crate) fn request(
        self,
        options: impl FnOnce(
            Option<&str>,
            Vec<Variable>,
            Option<&str>,
        ) -> Result<ExecOptions, OptionError>,
    ) -> Result<LineRequest, PyroError> {
        let env = self.env.into_iter().map(|(name, value)| Variable::new(name, value)).collect();
        Ok(LineRequest {
            command: self.command,
            timeout: timeout(self.timeout_seconds)?,
            options: options(self.cwd.as_deref(), env, self.user.as_deref())?
                .with_shell(Some(&self.shell))?,
        })
    }
}

/// Where a part of a file begins and how long it may be, checked.
pub(crate) fn bounds(offset: Number, max_bytes: Number) -> Result<(u64, u64), Failure> {
    Ok((offset.within("offset", 0, u64::MAX)?, max_bytes.within("max_bytes", 1, MAX_READ_BYTES)?))
}

/// An id, parsed at the door.
pub(crate) fn id(text: &str) -> Result<Id, PyroError> {
    Ok(Id::parse(text)?)
}

/// A path at or below `/workspace`, parsed at the door.
pub(crate) fn place(path: &OsString) -> Result<WorkspacePath, PyroError> {
    Pyro::workspace_path(path.as_bytes())
}
