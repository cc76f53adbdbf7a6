//! `pyro task` as clap reads it: the names that workspaces had once.

use super::workspace::{Create, Exec, Logs, One};
use super::workspace_files::Sync;
use clap::{Arg, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum Task {
    /// Create a task: a workspace by its old name.
    #[command(mut_arg("seed_path", |arg| arg.visible_alias("source-path")))]
    Create(Create),
    /// Bring files of the host into a task.
    #[command(subcommand, subcommand_required = true)]
    #[command(mut_subcommand("push", |push| push.mut_arg("workspace_id", of_a_task).mut_arg("source_path", last)))]
    Sync(Sync),
    /// Run a command in a task.
    #[command(mut_arg("workspace_id", of_a_task), mut_arg("command", last))]
    Exec(Exec),
    /// Show a task's status.
    #[command(mut_arg("workspace_id", of_a_task))]
    Status(One),
    /// Show the commands that a task has run, and what they printed.
    #[command(mut_arg("workspace_id", of_a_task))]
    Logs(Logs),
    /// Delete a task.
    #[command(mut_arg("workspace_id", of_a_task))]
    Delete(One),
}

fn of_a_task(id: Arg) -> Arg {
    id.value_name("TASK_ID").help("Task id")
}

/// Changing an argument puts it behind the others; what stands behind it follows.
fn last(arg: Arg) -> Arg {
    arg
}
