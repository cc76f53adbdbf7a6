//! `pyro workspace service`: commands in a workspace that go on by themselves.

mod line;
mod list;
mod logs;
mod start;
mod status;
mod stop;

use crate::cli::workspace_service::Service;

pub(super) fn run(command: Service) -> i32 {
    match command {
        Service::Start(args) => start::run(*args),
        Service::List(args) => list::run(&args),
        Service::Status(args) => status::run(&args),
        Service::Logs(args) => logs::run(&args),
        Service::Stop(args) => stop::run(&args),
    }
}
