//! `pyro workspace shell open`: a shell that goes on by itself.

use super::super::Noun;
use super::super::call::{id, until_interrupted};
use super::super::secrets::with_secrets;
use super::line;
use crate::cli::workspace_shell::{Open, Start};
use crate::printer;
use pyro_core::{ExecOptions, OpenShellRequest, PyroError, limits, workspace_options};

pub(super) fn run(args: Open) -> i32 {
    until_interrupted(Noun::Workspace, args.json, async |pyro, cancel| {
        let size = limits::terminal_size(args.cols, args.rows)?;
        let request = OpenShellRequest { options: chosen(args.start)?, size };
        let shell = pyro.open_shell(id(&args.workspace_id)?, request, cancel).await?;
        if args.json {
            printer::json(&shell);
        } else if args.id_only {
            printer::data(&shell.shell_id.to_string());
        } else {
            line::tell("open", &shell);
        }
        Ok(())
    })
}

/// How it starts, parsed at the door.
pub(super) fn chosen(start: Start) -> Result<ExecOptions, PyroError> {
    let options = workspace_options(Some(&start.cwd), start.env, start.user.as_deref())?;
    with_secrets(options, &start.secrets)
}
