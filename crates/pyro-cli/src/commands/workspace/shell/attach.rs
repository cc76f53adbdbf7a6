//! `pyro workspace shell attach`: a shell used from this terminal.

use super::super::super::interrupted::Interrupted;
use super::super::super::runtime::{block_on, fail, pyro};
use super::super::super::terminal::{self, Attached, DETACH_KEY};
use super::super::call::id;
use crate::cli::workspace_shell::Attach;
use crate::{exit, printer};
use pyro_core::{AttachEnd, Id, Pyro, PyroError};

pub(super) fn run(args: &Attach) -> i32 {
    in_terminal(async |pyro, interrupted| {
        let (workspace, shell) = (id(&args.workspace_id)?, id(&args.shell_id)?);
        attach(pyro, workspace, shell, interrupted).await
    })
}

/// Do what needs a terminal; the exit status.
pub(super) fn in_terminal(
    act: impl AsyncFnOnce(&Pyro, &Interrupted) -> Result<i32, PyroError>,
) -> i32 {
    printer::fail_with(exit::RUN_FAILED);
    if !terminal::is_there() {
        return terminal::tell_of_none(
            "for programs there are: pyro workspace shell open, read and write",
        );
    }
    let interrupted = Interrupted::default();
    let result = pyro().and_then(|pyro| {
        block_on(async {
            interrupted.watch();
            act(&pyro, &interrupted).await
        })
    });
    match result {
        Ok(status) => status,
        Err(error) => interrupted.status().unwrap_or_else(|| fail(&error, false, exit::RUN_FAILED)),
    }
}

/// Attach this terminal to a shell; the exit status.
pub(super) async fn attach(
    pyro: &Pyro,
    workspace: Id,
    shell: Id,
    interrupted: &Interrupted,
) -> Result<i32, PyroError> {
    printer::talk(&format!(
        "[workspace-shell-attach] workspace_id={workspace} shell_id={shell}; {DETACH_KEY} detaches"
    ));
    let end = {
        let attached = Attached::new();
        pyro.attach_shell(workspace, shell, attached.terminal(), &interrupted.token).await?
    };
    Ok(match end {
        AttachEnd::Detached => {
            printer::talk(&format!(
                "[workspace-shell-attach] detached; the shell goes on: pyro workspace shell attach {workspace} {shell}"
            ));
            exit::OK
        }
        AttachEnd::Ended(shell) => {
            super::line::tell("attach", &shell);
            shell.status()
        }
    })
}
