//! `pyro workspace file`: single files of a workspace.

mod list;
mod read;
mod write;

use crate::cli::workspace_files::File;

pub(super) fn run(command: File) -> i32 {
    match command {
        File::List(args) => list::run(&args),
        File::Read(args) => read::run(&args),
        File::Write(args) => write::run(&args),
    }
}
