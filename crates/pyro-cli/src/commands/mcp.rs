//! `pyro mcp`: pyro for models.

mod config;
mod failure;
mod project;
mod serve;

use crate::cli::Mcp;

pub(super) fn run(command: Mcp) -> i32 {
    match command {
        Mcp::Serve(args) => serve::run(args),
        Mcp::Config(args) => config::run(&args),
    }
}
