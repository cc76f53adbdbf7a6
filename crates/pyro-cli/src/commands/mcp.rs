//! `pyro mcp`: pyro for models.

mod config;
mod serve;

use crate::cli::Mcp;
use crate::{exit, printer};
use std::error::Error;

pub(super) fn run(command: Mcp) -> i32 {
    match command {
        Mcp::Serve(args) => serve::run(args),
        Mcp::Config(args) => config::run(&args),
    }
}

/// Tell a failure of the surface's own, and what to do about it.
fn fail(error: &dyn Error, hint: &str) -> i32 {
    printer::talk(&format!("error: {error}"));
    for cause in std::iter::successors(error.source(), |cause| (*cause).source()) {
        printer::talk(&format!("  caused by: {cause}"));
    }
    printer::talk(&format!("hint: {hint}"));
    exit::FAILED
}
