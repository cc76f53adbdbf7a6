//! What ends an export on this side.

use crate::archive::TarError;
use crate::guest::archive::TransferError;
use crate::host::tree::HostTreeError;
use crate::workspace::error::WorkspaceError;
use crate::workspace::file_error::FileError;
use pyro_protocol::tree::RecordError;
use pyro_tree::TreeError;

/// What ends an export on this side.
#[derive(Debug, thiserror::Error)]
pub(super) enum SinkError {
    #[error(transparent)]
    Host(#[from] HostTreeError),
    #[error(transparent)]
    Tree(#[from] TreeError),
    #[error(transparent)]
    Tar(#[from] TarError),
    #[error(transparent)]
    Record(#[from] RecordError),
    #[error(transparent)]
    File(FileError),
}

pub(super) fn received(error: TransferError<SinkError>) -> WorkspaceError {
    match error {
        TransferError::Guest(error) => WorkspaceError::Guest(error),
        TransferError::Local(error) => outward(error),
    }
}

pub(super) fn outward(error: SinkError) -> WorkspaceError {
    match error {
        SinkError::Host(error) => FileError::Output(error).into(),
        SinkError::Tree(error) => FileError::Output(error.into()).into(),
        SinkError::Tar(error) => FileError::Archive(error).into(),
        SinkError::Record(error) => WorkspaceError::Guest(error.into()),
        SinkError::File(error) => error.into(),
    }
}
