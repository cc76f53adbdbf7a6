//! The `pyro` executable: parse, call core, print.
#![allow(clippy::disallowed_methods, reason = "this is the surface that reads argv and the environment")]

mod cli;
mod commands;
mod exit;
mod printer;
mod progress;
mod streams;
mod trace;
mod usage;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = cli::Cli::try_parse().unwrap_or_else(|error| usage::tell(&error));
    trace::start();
    pyro_core::host::process::allow_open_files();
    let code = commands::dispatch(cli.command);
    // Not a return: a thread that waits for stdin must not hold the end up.
    std::process::exit(code)
}
