//! `pyro completions`: the shell completion script.

use crate::cli::{Cli, Completions};
use crate::{exit, printer};
use clap::CommandFactory;

pub(super) fn run(args: &Completions) -> i32 {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "pyro", &mut script);
    printer::raw(&script);
    exit::OK
}
