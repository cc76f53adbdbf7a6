//! The `pyro` executable: parse, call core, print.
#![allow(clippy::disallowed_methods, reason = "this is the surface that reads argv and the environment")]

mod cli;
mod commands;
mod exit;
mod printer;
mod progress;
mod trace;

use clap::Parser;
use clap::error::ErrorKind;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = cli::Cli::try_parse().unwrap_or_else(|error| usage(&error));
    trace::start();
    let code = commands::dispatch(cli.command);
    // Not a return: a thread that waits for stdin must not hold the end up.
    std::process::exit(code)
}

/// Tell what is wrong with the command line, or help where that was asked for.
fn usage(error: &clap::Error) -> ! {
    let status = error.exit_code();
    let _ = error.print();
    if error.kind() == ErrorKind::UnknownArgument && std::env::args().nth(1).is_some_and(|command| command == "run") {
        printer::talk("hint: the command comes after --, as in: pyro run debian:12 -- git --version");
    }
    std::process::exit(status)
}
