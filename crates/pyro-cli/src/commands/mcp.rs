//! `pyro mcp`: pyro for models.

mod config;
mod serve;

use crate::cli::Mcp;
use crate::{exit, printer};
use std::error::Error;
use std::path::PathBuf;

pub(super) fn run(command: Mcp) -> i32 {
    match command {
        Mcp::Serve(args) => serve::run(args),
        Mcp::Config(args) => config::run(&args),
    }
}

/// The project that this runs in, if it runs in one.
fn here() -> Option<PathBuf> {
    let home = std::env::var_os("HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
    pyro_mcp::project(&std::env::current_dir().ok()?, home.as_deref())
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
