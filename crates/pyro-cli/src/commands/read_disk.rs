//! `pyro read-disk`: answer one question about a disk, for the process that started this one.

use crate::cli::ReadDisk;
use crate::exit;
use crate::printer;

pub(super) fn run(args: ReadDisk) -> i32 {
    match pyro_core::answer_about_disk(&args.question, args.files) {
        Ok(answer) => {
            printer::raw(&answer);
            exit::OK
        }
        Err(error) => {
            printer::talk(&format!("error: pyro read-disk is started by pyro itself ({error})"));
            exit::USAGE
        }
    }
}
