//! `pyro workspace`: virtual machines that stay.

mod call;
pub(super) mod create;
pub(super) mod delete;
mod diff;
mod disk;
pub(super) mod exec;
mod export;
mod file;
mod fork;
mod left_out;
mod list;
pub(super) mod logs;
mod noun;
mod patch;
mod reset;
mod secrets;
mod service;
mod shell;
mod snapshot;
mod start;
pub(super) mod status;
mod stop;
mod summary;
pub(super) mod sync;
mod update;

pub(super) use noun::Noun;

use crate::cli::Workspace;

pub(super) fn run(command: Workspace) -> i32 {
    match command {
        Workspace::Create(args) => create::run(args, Noun::Workspace),
        Workspace::List(args) => list::run(&args),
        Workspace::Update(args) => update::run(args),
        Workspace::Status(args) => status::run(&args, Noun::Workspace),
        Workspace::Logs(args) => logs::run(&args, Noun::Workspace),
        Workspace::Start(args) => start::run(&args),
        Workspace::Stop(args) => stop::run(&args),
        Workspace::Delete(args) => delete::run(&args, Noun::Workspace),
        Workspace::Exec(args) => exec::run(args, Noun::Workspace),
        Workspace::Reset(args) => reset::run(&args),
        Workspace::Snapshot(command) => snapshot::run(command),
        Workspace::Disk(command) => disk::run(command),
        Workspace::Fork(args) => fork::run(&args),
        Workspace::Sync(command) => sync::run(command, Noun::Workspace),
        Workspace::File(command) => file::run(command),
        Workspace::Patch(command) => patch::run(command),
        Workspace::Diff(args) => diff::run(&args),
        Workspace::Export(args) => export::run(args),
        Workspace::Service(command) => service::run(command),
        Workspace::Shell(args) => shell::run(args),
    }
}
