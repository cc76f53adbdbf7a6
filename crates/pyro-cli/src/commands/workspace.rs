//! `pyro workspace`: virtual machines that stay.

pub(super) mod create;
pub(super) mod delete;
mod diff;
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
mod start;
pub(super) mod status;
mod stop;
mod summary;
pub(super) mod sync;
mod update;

pub(super) use noun::Noun;

use super::interrupted::Interrupted;
use super::{block_on, fail_in, on_host, pyro};
use crate::cli::Workspace;
use crate::exit;
use pyro_core::host::fs;
use pyro_core::id::Id;
use pyro_core::workspace::WorkspaceError;
use pyro_core::workspace::files::source::SourceError;
use pyro_core::workspace::files::{FileError, WorkspacePath};
use pyro_core::{Pyro, PyroError};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use tokio_util::sync::CancellationToken;

/// Most bytes of a file or a patch that is given to a command; larger files are pushed.
const MAX_GIVEN_LEN: u64 = 64 << 20;

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
        Workspace::Fork(args) => fork::run(&args),
        Workspace::Sync(command) => sync::run(command, Noun::Workspace),
        Workspace::File(command) => file::run(command),
        Workspace::Patch(command) => patch::run(command),
        Workspace::Diff(args) => diff::run(&args),
        Workspace::Export(args) => export::run(args),
    }
}

/// A workspace's id, parsed at the door.
fn id(text: &str) -> Result<Id, PyroError> {
    Ok(Id::parse(text)?)
}

/// A path at or below `/workspace`, parsed at the door.
fn path(text: &OsStr) -> Result<WorkspacePath, PyroError> {
    Pyro::workspace_path(text.as_bytes())
}

/// Bytes that a command takes as an argument or from a file; `-` is stdin.
fn given(text: Option<&OsStr>, file: Option<&Path>) -> Result<Vec<u8>, PyroError> {
    match (text, file) {
        (Some(text), _) => Ok(text.as_bytes().to_vec()),
        (_, Some(file)) => {
            let read = if file == Path::new("-") {
                fs::read_stdin_bounded(MAX_GIVEN_LEN)
            } else {
                fs::read_bounded(&on_host(file), MAX_GIVEN_LEN)
            };
            Ok(read.map_err(|error| unread(error.into()))?)
        }
        (None, None) => Ok(Vec::new()),
    }
}

fn unread(error: SourceError) -> WorkspaceError {
    FileError::from(error).into()
}

/// Do what a signal need not undo: ended in the middle, the next command finishes it. The exit status.
fn to_its_end(noun: Noun, as_json: bool, act: impl AsyncFnOnce(&Pyro) -> Result<(), PyroError>) -> i32 {
    let result = pyro().and_then(|pyro| block_on(act(&pyro)));
    match result {
        Ok(()) => exit::OK,
        Err(error) => fail_in(noun.wording(), &error, as_json, exit::FAILED),
    }
}

/// Do what a signal undoes before this process ends. The exit status.
fn until_interrupted(
    noun: Noun,
    as_json: bool,
    act: impl AsyncFnOnce(&Pyro, &CancellationToken) -> Result<(), PyroError>,
) -> i32 {
    let interrupted = Interrupted::default();
    let result = pyro().and_then(|pyro| {
        block_on(async {
            interrupted.watch();
            act(&pyro, &interrupted.token).await
        })
    });
    match result {
        Ok(()) => exit::OK,
        Err(error) => interrupted.status().unwrap_or_else(|| fail_in(noun.wording(), &error, as_json, exit::FAILED)),
    }
}
