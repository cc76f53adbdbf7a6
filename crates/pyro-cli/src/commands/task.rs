//! `pyro task`: workspaces by the names that they had once.

use super::workspace::{Noun, create, delete, exec, logs, status, sync};
use crate::cli::Task;

pub(super) fn run(command: Task) -> i32 {
    match command {
        Task::Create(args) => create::run(args, Noun::Task),
        Task::Sync(command) => sync::run(command, Noun::Task),
        Task::Exec(args) => exec::run(args, Noun::Task),
        Task::Status(args) => status::run(&args, Noun::Task),
        Task::Logs(args) => logs::run(&args, Noun::Task),
        Task::Delete(args) => delete::run(&args, Noun::Task),
    }
}
