//! `pyro workspace shell`: interactive sessions in a workspace.

mod attach;
mod close;
mod enter;
mod line;
mod list;
mod open;
mod read;
mod resize;
mod signal;
mod write;

use crate::cli::workspace_shell::{Shell, ShellCommand};

pub(super) fn run(args: Shell) -> i32 {
    match args.command {
        Some(ShellCommand::Open(args)) => open::run(args),
        Some(ShellCommand::Read(args)) => read::run(&args),
        Some(ShellCommand::Write(args)) => write::run(&args),
        Some(ShellCommand::Signal(args)) => signal::run(&args),
        Some(ShellCommand::Close(args)) => close::run(&args),
        Some(ShellCommand::List(args)) => list::run(&args),
        Some(ShellCommand::Resize(args)) => resize::run(&args),
        Some(ShellCommand::Attach(args)) => attach::run(&args),
        None => enter::run(args.workspace_id.unwrap_or_default(), args.start),
    }
}
