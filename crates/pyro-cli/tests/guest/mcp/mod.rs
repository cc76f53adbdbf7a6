//! `pyro mcp serve` with real guests: tools, what happens when anybody vanishes, and other people's
//! clients.

mod checkers;
pub mod client;
mod faults;
mod http;
mod paths;
mod results;
mod tools;
mod warm;

use crate::home::Home;
use std::process::Command;

/// A program that finds pyro's settings as they are in this home.
pub fn in_home(home: &Home, program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    for (name, value) in home.pyro(&[]).get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}

/// Qemu processes of this home.
pub fn guests(home: &Home) -> usize {
    home.processes().iter().filter(|(_, line)| line.contains("-no-user-config")).count()
}
