//! What pyro asks of the host's kernel: files, locks, processes, clocks. The only place that
//! touches them.
#![allow(clippy::disallowed_methods, reason = "this is the rim that the lint sends everyone to")]

pub mod access;
pub mod async_thread;
pub mod bounded_log;
pub mod clock;
pub mod copy;
pub mod cpu;
pub mod descriptor;
pub mod facts;
pub mod fs;
pub mod lock;
pub mod new_file;
pub mod output;
pub mod path;
pub mod pipe;
pub mod process;
pub mod program;
pub mod rewrite;
pub mod socket;
pub mod sparse;
pub mod spawn;
mod staging;
pub mod terminal;
pub mod threads;
pub mod tree;
pub mod usage;
