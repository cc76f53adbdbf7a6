//! `pyro task`: workspaces by the names that they had once.

use super::workspace::{Noun, create, delete, exec, logs, status, sync};
use crate::cli::Task;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether this process was called by them.
static IS_CALLED: AtomicBool = AtomicBool::new(false);

/// The commands that have such a name.
const COMMANDS: [&str; 6] = ["create", "sync push", "exec", "status", "logs", "delete"];

/// A hint with the commands' names by which they were called.
pub(super) fn in_its_words(hint: &str) -> String {
    let commands = if IS_CALLED.load(Ordering::Relaxed) { &COMMANDS[..] } else { &[] };
    commands.iter().fold(hint.to_owned(), |hint, name| {
        hint.replace(&format!("pyro workspace {name}"), &format!("pyro task {name}"))
    })
}

pub(super) fn run(command: Task) -> i32 {
    IS_CALLED.store(true, Ordering::Relaxed);
    match command {
        Task::Create(args) => create::run(args, Noun::Task),
        Task::Sync(command) => sync::run(command, Noun::Task),
        Task::Exec(args) => exec::run(args, Noun::Task),
        Task::Status(args) => status::run(&args, Noun::Task),
        Task::Logs(args) => logs::run(&args, Noun::Task),
        Task::Delete(args) => delete::run(&args, Noun::Task),
    }
}
