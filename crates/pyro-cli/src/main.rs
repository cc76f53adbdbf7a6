//! The `pyro` executable: parse, call core, print.
#![allow(
    clippy::disallowed_methods,
    reason = "this is the surface that reads argv and the environment"
)]

mod cli;
mod commands;
mod exit;
mod printer;
mod progress;
mod streams;
mod trace;
mod usage;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

fn main() -> ExitCode {
    let command = parse();
    trace::start();
    pyro_core::allow_open_files();
    let code = match command {
        Parsed::Command(command) => commands::dispatch(*command),
        Parsed::Internal(command) => commands::dispatch_internal(command),
    };
    // Not a return: a thread that waits for stdin must not hold the end up.
    std::process::exit(code)
}

/// What argv asks for.
enum Parsed {
    Command(Box<cli::Command>),
    Internal(cli::InternalCommand),
}

fn parse() -> Parsed {
    let first = std::env::args_os().nth(1);
    if first
        .and_then(|word| word.into_string().ok())
        .is_some_and(|word| cli::InternalCommand::has_subcommand(&word))
    {
        return Parsed::Internal(cli::Internal::parse().command);
    }
    let cli = cli::Cli::try_parse().unwrap_or_else(|error| usage::tell(error));
    Parsed::Command(Box::new(cli.command))
}
