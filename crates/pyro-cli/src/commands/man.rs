//! `pyro man`: the man pages.

use crate::cli::Cli;
use crate::{exit, printer};
use clap::CommandFactory;
use std::io;
use std::path::Path;

pub(super) fn run(directory: Option<&Path>) -> i32 {
    let written = match directory {
        Some(directory) => write(directory),
        None => print(),
    };
    match written {
        Ok(()) => exit::OK,
        Err(error) => {
            printer::talk(&format!("error: cannot write the man page: {error}"));
            exit::FAILED
        }
    }
}

fn write(directory: &Path) -> io::Result<()> {
    std::fs::create_dir_all(directory)?;
    clap_mangen::generate_to(Cli::command(), directory)
}

fn print() -> io::Result<()> {
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command()).render(&mut page)?;
    printer::raw(&page);
    Ok(())
}
