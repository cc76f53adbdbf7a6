//! `pyro man`: the man page.

use crate::cli::Cli;
use crate::{exit, printer};
use clap::CommandFactory;

pub(super) fn run() -> i32 {
    let mut page = Vec::new();
    match clap_mangen::Man::new(Cli::command()).render(&mut page) {
        Ok(()) => {
            printer::raw(&page);
            exit::OK
        }
        Err(error) => {
            printer::talk(&format!("error: cannot write the man page: {error}"));
            exit::FAILED
        }
    }
}
