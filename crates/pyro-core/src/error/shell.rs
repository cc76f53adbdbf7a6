//! The failures of shells, judged.

use super::call::Call;
use super::{ErrorKind, Hint, OperationId, Parameter, PyroError};
use crate::workspace::shell_error::ShellError;

impl From<ShellError> for PyroError {
    fn from(error: ShellError) -> Self {
        let (kind, hints) = shell(&error);
        let id = match error {
            ShellError::NoSuchShell { id, .. }
            | ShellError::Ended { id, .. }
            | ShellError::TooMany { id }
            | ShellError::NoForeground { id, .. } => Some(id),
            _ => None,
        };
        let told = Self::judged(kind, error, hints);
        match id {
            Some(id) => told.of_workspace(id),
            None => told,
        }
    }
}

/// An operation on the workspace that failed.
fn on(operation: OperationId) -> Call {
    Call::to_workspace(operation)
}

fn shell(error: &ShellError) -> (ErrorKind, Vec<Hint>) {
    let open = |why| Hint::call(why, on(OperationId::WorkspaceShellOpen));
    match *error {
        ShellError::NoSuchShell { .. } => {
            let list = Hint::call("see which there are", on(OperationId::WorkspaceShellList));
            (ErrorKind::NotFound, vec![list.otherwise(open("open another one"))])
        }
        ShellError::Ended { shell, .. } => {
            let read = on(OperationId::WorkspaceShellRead).with(Parameter::ShellId, shell);
            let read = Hint::call("read its last words", read);
            (ErrorKind::WrongState, vec![read, open("open another one").or()])
        }
        ShellError::TooMany { .. } => {
            let close =
                on(OperationId::WorkspaceShellClose).with_open(Parameter::ShellId, "SHELL_ID");
            (ErrorKind::Busy, vec![Hint::call("close one", close)])
        }
        ShellError::InputFull { .. } => (
            ErrorKind::Busy,
            vec![
                Hint::say("nothing was typed; read what the shell shows, and try again"),
                Hint::say("interrupt what runs in it").or(),
            ],
        ),
        ShellError::LongInput(_) => (
            ErrorKind::InvalidInput,
            vec![
                Hint::say("nothing was typed; give it in parts"),
                Hint::call("write a file", on(OperationId::WorkspaceFileWrite)).or(),
            ],
        ),
        ShellError::NoForeground { shell, .. } => {
            let read = on(OperationId::WorkspaceShellRead).with(Parameter::ShellId, shell);
            (ErrorKind::WrongState, vec![Hint::call("look at it", read)])
        }
        ShellError::Signal(_) => {
            (ErrorKind::InvalidInput, vec![Hint::usage("", OperationId::WorkspaceShellSignal)])
        }
    }
}
