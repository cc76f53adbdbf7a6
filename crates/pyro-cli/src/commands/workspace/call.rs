//! A call of core for a workspace: its arguments parsed, its failure told.

use super::super::interrupted::Interrupted;
use super::super::runtime::{block_on, fail_in, on_host, pyro};
use super::noun::Noun;
use crate::exit;
use pyro_core::{Id, Pyro, PyroError, WorkspacePath, host_files};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use tokio_util::sync::CancellationToken;

/// Most bytes of a file or a patch that is given to a command; larger files are pushed.
const MAX_GIVEN_LEN: u64 = 64 << 20;

/// A workspace's id, parsed at the door.
pub(super) fn id(text: &str) -> Result<Id, PyroError> {
    Ok(Id::parse(text)?)
}

/// A path at or below `/workspace`, parsed at the door.
pub(super) fn path(text: &OsStr) -> Result<WorkspacePath, PyroError> {
    Pyro::workspace_path(text.as_bytes())
}

/// Bytes that a command takes as an argument or from a file; `-` is stdin.
pub(super) fn given(text: Option<&OsStr>, file: Option<&Path>) -> Result<Vec<u8>, PyroError> {
    match (text, file) {
        (Some(text), _) => Ok(text.as_bytes().to_vec()),
        (_, Some(file)) => {
            let read = if file == Path::new("-") {
                host_files::read_stdin_bounded(MAX_GIVEN_LEN)
            } else {
                host_files::read_bounded(&on_host(file), MAX_GIVEN_LEN)
            };
            read.map_err(PyroError::unreadable)
        }
        (None, None) => Ok(Vec::new()),
    }
}

/// Do what a signal need not undo: ended in the middle, the next command finishes it. The exit
/// status.
pub(super) fn to_its_end(
    noun: Noun,
    as_json: bool,
    act: impl AsyncFnOnce(&Pyro) -> Result<(), PyroError>,
) -> i32 {
    let result = pyro().and_then(|pyro| block_on(act(&pyro)));
    match result {
        Ok(()) => exit::OK,
        Err(error) => fail_in(noun.wording(), &error, as_json, exit::FAILED),
    }
}

/// Do what a signal undoes before this process ends. The exit status.
pub(super) fn until_interrupted(
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
        Err(error) => interrupted
            .status()
            .unwrap_or_else(|| fail_in(noun.wording(), &error, as_json, exit::FAILED)),
    }
}
