//! The first files of a workspace.

use super::error::FileError;
use super::source::{Source, SourceError};
use crate::config::Config;
use crate::guest::archive::{TransferError, unpack};
use crate::guest::{file, patience::Patient};
use crate::host::path::HostPath;
use crate::id::Id;
use crate::store::workspace::SeedRecord;
use crate::vm::link::Link;
use crate::workspace::error::WorkspaceError;
use crate::workspace::running::PATIENCE;
use crate::workspace::{ROOT, STAGES};
use pyro_protocol::files::{Into, Unpack};
use pyro_protocol::{GuestPath, TreePath};

/// What a workspace is first filled with.
#[derive(Clone, Debug)]
pub struct SeedRequest {
    /// A directory, or a `.tar`, `.tar.gz`, `.tgz` or `.tar.zst` file.
    pub path: HostPath,
    /// Leave out what git ignores; only of a directory.
    pub respect_ignore: bool,
}

/// Make `/workspace`, and fill it where there is a seed.
///
/// # Errors
/// [`WorkspaceError`].
pub(in crate::workspace) async fn fill(
    config: &Config,
    vm: Id,
    source: Option<Source>,
) -> Result<SeedRecord, WorkspaceError> {
    let path = |text: &str| GuestPath::parse(text.as_bytes()).unwrap_or_else(|_| GuestPath::root());
    let link = Link::new(config, vm);
    let connect = async || Ok::<_, WorkspaceError>(Patient::new(link.connect().await?, PATIENCE));
    // Stages are made in an area whose parent is there.
    let (area, _) = STAGES.rsplit_once('/').unwrap_or_default();
    file::mkdir(connect().await?, path(area), 0o700, true).await.map_err(WorkspaceError::Guest)?;
    let Some(source) = source else {
        file::mkdir(connect().await?, path(ROOT), 0o755, true).await.map_err(WorkspaceError::Guest)?;
        return Ok(SeedRecord {
            mode: "empty".to_owned(),
            seed_path: None,
            destination: ROOT.to_owned(),
            entry_count: 0,
            bytes_written: 0,
            respect_ignore: false,
            git_note: None,
        });
    };
    let (respect_ignore, git_note) = (source.respects_ignore(), source.git_note());
    let (mode, seed_path) = (source.mode().to_owned(), source.path().to_string_lossy().into_owned());
    let request = Unpack { into: Into::Empty(path(ROOT)), owners: false };
    let sent = unpack(connect().await?, request, move |outlet| source.send(outlet, &TreePath::root())).await;
    let tally = sent.map_err(transfer)?;
    Ok(SeedRecord {
        mode,
        seed_path: Some(seed_path),
        destination: ROOT.to_owned(),
        entry_count: tally.entry_count,
        bytes_written: tally.bytes_written,
        respect_ignore,
        git_note,
    })
}

/// A source that did not arrive.
pub(super) fn transfer(error: TransferError<SourceError>) -> WorkspaceError {
    match error {
        TransferError::Guest(error) => WorkspaceError::Guest(error),
        TransferError::Local(error) => FileError::Source(error).into(),
    }
}
