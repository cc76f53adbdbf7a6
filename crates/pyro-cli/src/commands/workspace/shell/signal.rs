//! `pyro workspace shell signal`: a signal for what runs in a shell.

use super::super::Noun;
use super::super::call::{id, to_its_end};
use super::line;
use crate::cli::workspace_shell::Signal;
use crate::printer;
use pyro_core::ShellSignal;

pub(super) fn run(args: &Signal) -> i32 {
    let one = &args.shell;
    to_its_end(Noun::Workspace, one.json, async |pyro| {
        let (workspace, shell) = (id(&one.workspace_id)?, id(&one.shell_id)?);
        let signal = ShellSignal::parse(&args.signal)?;
        let signalled = pyro.signal_shell(workspace, shell, signal).await?;
        if one.json {
            printer::json(&signalled);
        } else {
            line::tell("signal", &signalled.shell);
        }
        Ok(())
    })
}
