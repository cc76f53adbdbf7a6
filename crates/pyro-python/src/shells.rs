//! Operations on shells of workspaces.

use crate::arguments::{Number, argument, id};
use crate::call::Call;
use crate::failure::Failure;
use crate::native::Native;
use crate::secrets::{Variables, with_secrets};
use pyo3::Bound;
use pyo3::prelude::{PyResult, pymethods};
use pyo3::types::PyDict;
use pyro_core::limits::{idle_ms, max_chars, terminal_size};
use pyro_core::{
    Id, OpenShellRequest, PyroError, ReadShellRequest, ShellSignal, ShellView, TerminalSize,
    Variable, workspace_options,
};

#[pymethods]
impl Native {
    fn open_shell(&self, given: &Bound<'_, PyDict>) -> PyResult<Call> {
        let workspace_id: String = argument(given, "workspace_id")?;
        let cwd: String = argument(given, "cwd")?;
        let env: Vec<(String, String)> = argument(given, "env")?;
        let user: Option<String> = argument(given, "user")?;
        let secret_env: Variables = argument(given, "secret_env")?;
        let size = Size::of(given)?;
        self.begin(move |pyro, turn| async move {
            let env = env.into_iter().map(|(name, value)| Variable::new(name, value)).collect();
            let options = workspace_options(Some(&cwd), env, user.as_deref());
            let options = with_secrets(options.map_err(PyroError::from)?, &secret_env)?;
            let request = OpenShellRequest { options, size: size.checked()? };
            Ok(pyro.open_shell(id(&workspace_id)?, request, &turn.cancel).await?)
        })
    }

    fn read_shell(&self, given: &Bound<'_, PyDict>) -> PyResult<Call> {
        let shell = Named::of(given)?;
        let cursor: Number = argument(given, "cursor")?;
        let most: Number = argument(given, "max_chars")?;
        let plain: bool = argument(given, "plain")?;
        let screen: bool = argument(given, "screen")?;
        let idle: Option<Number> = argument(given, "wait_for_idle_ms")?;
        self.begin(move |pyro, turn| async move {
            let view = match (screen, plain) {
                (true, _) => ShellView::Screen,
                (_, true) => ShellView::Plain,
                _ => ShellView::Raw,
            };
            let request = ReadShellRequest {
                cursor: cursor.within("cursor", 0, u64::MAX)?,
                max_chars: max_chars(most).map_err(PyroError::from)?,
                view,
                wait_for_idle_ms: idle.map(idle_ms).transpose().map_err(PyroError::from)?,
            };
            let (id, shell) = shell.ids()?;
            Ok(pyro.read_shell(id, shell, request, &turn.cancel).await?)
        })
    }

    fn write_shell(&self, given: &Bound<'_, PyDict>) -> PyResult<Call> {
        let shell = Named::of(given)?;
        let input: String = argument(given, "input")?;
        let append_newline: bool = argument(given, "append_newline")?;
        self.begin(move |pyro, _| async move {
            let (id, shell) = shell.ids()?;
            Ok(pyro.write_shell(id, shell, input, append_newline).await?)
        })
    }

    fn signal_shell(&self, given: &Bound<'_, PyDict>) -> PyResult<Call> {
        let shell = Named::of(given)?;
        let signal_name: String = argument(given, "signal_name")?;
        self.begin(move |pyro, _| async move {
            let signal = ShellSignal::parse(&signal_name).map_err(PyroError::from)?;
            let (id, shell) = shell.ids()?;
            Ok(pyro.signal_shell(id, shell, signal).await?)
        })
    }

    fn close_shell(&self, given: &Bound<'_, PyDict>) -> PyResult<Call> {
        let shell = Named::of(given)?;
        self.begin(move |pyro, _| async move {
            let (id, shell) = shell.ids()?;
            Ok(pyro.close_shell(id, shell).await?)
        })
    }

    fn list_shells(&self, given: &Bound<'_, PyDict>) -> PyResult<Call> {
        let workspace_id: String = argument(given, "workspace_id")?;
        self.begin(move |pyro, _| async move { Ok(pyro.list_shells(id(&workspace_id)?).await?) })
    }

    fn resize_shell(&self, given: &Bound<'_, PyDict>) -> PyResult<Call> {
        let (shell, size) = (Named::of(given)?, Size::of(given)?);
        self.begin(move |pyro, _| async move {
            let (id, shell) = shell.ids()?;
            Ok(pyro.resize_shell(id, shell, size.checked()?).await?)
        })
    }
}

/// A shell of a workspace.
struct Named {
    workspace_id: String,
    shell_id: String,
}

impl Named {
    /// Of the arguments with its names.
    fn of(given: &Bound<'_, PyDict>) -> PyResult<Self> {
        Ok(Self {
            workspace_id: argument(given, "workspace_id")?,
            shell_id: argument(given, "shell_id")?,
        })
    }

    /// Both ids, parsed at the door.
    fn ids(&self) -> Result<(Id, Id), PyroError> {
        Ok((id(&self.workspace_id)?, id(&self.shell_id)?))
    }
}

/// The size of a terminal, as it is given.
struct Size {
    cols: Number,
    rows: Number,
}

impl Size {
    /// Of the arguments with its names.
    fn of(given: &Bound<'_, PyDict>) -> PyResult<Self> {
        Ok(Self { cols: argument(given, "cols")?, rows: argument(given, "rows")? })
    }

    /// Within its limits.
    fn checked(&self) -> Result<TerminalSize, Failure> {
        Ok(terminal_size(self.cols, self.rows).map_err(PyroError::from)?)
    }
}
