//! One file per command: parse, call, render.

mod bench;
mod completions;
mod demo;
mod doctor;
mod env;
mod interrupted;
mod line;
mod man;
mod mcp;
mod output;
mod read_disk;
mod run;
mod runtime;
mod supervise;
mod surface;
mod task;
mod terminal;
mod workspace;

use crate::cli::{Command, InternalCommand};

/// Run a command; its exit status.
pub(crate) fn dispatch(command: Command) -> i32 {
    match command {
        Command::Run(args) => run::run(args),
        Command::Workspace(command) => workspace::run(command),
        Command::Task(command) => task::run(command),
        Command::Env(command) => env::run(command),
        Command::Output(command) => output::run(command),
        Command::Doctor(args) => doctor::run(&args),
        Command::Bench(args) => bench::run(args),
        Command::Mcp(command) => mcp::run(command),
        Command::Demo(args) => demo::run(&args),
        Command::Completions(args) => completions::run(&args),
        Command::Man { directory } => man::run(directory.as_deref()),
    }
}

/// Run a command that no user types; its exit status.
pub(crate) fn dispatch_internal(command: InternalCommand) -> i32 {
    match command {
        InternalCommand::BenchPage(args) => bench::page(args),
        InternalCommand::ReadDisk(args) => read_disk::run(args),
        InternalCommand::Surface => surface::run(),
        InternalCommand::Supervise => supervise::run(),
    }
}
