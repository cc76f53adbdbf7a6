//! The first files of a workspace.

use super::proof::{self, Proofs};
use crate::config::Config;
use crate::guest::archive::{TransferError, unpack};
use crate::guest::{file, patience::Patient};
use crate::host::path::HostPath;
use crate::id::Id;
use crate::store::workspace::SeedRecord;
use crate::vm::control::client::SupervisorClient;
use crate::workspace::error::WorkspaceError;
use crate::workspace::file_error::FileError;
use crate::workspace::paths::{ROOT, STAGES};
use crate::workspace::running::PATIENCE;
use crate::workspace::source::{Source, SourceError};
use pyro_protocol::files::{Into, Unpack};
use pyro_protocol::tree::{Entry, Meta};
use pyro_protocol::{GuestPath, TreePath};

/// What a workspace is first filled with.
#[derive(Clone, Debug)]
pub struct SeedRequest {
    /// A directory, or a tar file: `.tar`, or compressed by gzip, bzip2, xz or zstd.
    pub path: HostPath,
    /// Leave out what git ignores; only of a directory.
    pub respect_ignore: bool,
}

/// A seed that has arrived.
#[derive(Debug)]
pub(in crate::workspace) struct Filled {
    /// What is recorded of it.
    pub record: SeedRecord,
    /// What was sent.
    files: Vec<(TreePath, Meta)>,
    proofs: Proofs,
}

impl Filled {
    /// What is proven once the guest's files are known. Nobody else was in the guest meanwhile.
    pub(in crate::workspace) fn proofs(self, present: &[Entry]) -> Proofs {
        let (mut proofs, before) = (self.proofs, proof::latest(present));
        for (path, meta) in self.files {
            let found = present.binary_search_by(|entry| entry.path.cmp(&path));
            if let Ok(at) = found
                && present[at].meta.size == meta.size
            {
                proofs.note(path, &meta, &present[at].meta, before);
            }
        }
        proofs
    }
}

/// Make `/workspace`, and fill it where there is a seed.
///
/// # Errors
/// [`WorkspaceError`].
pub(in crate::workspace) async fn fill(
    config: &Config,
    vm: Id,
    source: Option<Source>,
) -> Result<Filled, WorkspaceError> {
    let path = |text: &str| GuestPath::parse(text.as_bytes()).unwrap_or_else(|_| GuestPath::root());
    let client = SupervisorClient::new(config, vm);
    let connect = async || Ok::<_, WorkspaceError>(Patient::new(client.connect().await?, PATIENCE));
    // Stages are made in an area whose parent is there.
    let (area, _) = STAGES.rsplit_once('/').unwrap_or_default();
    file::mkdir(connect().await?, path(area), 0o700, true).await.map_err(WorkspaceError::Guest)?;
    let Some(source) = source else {
        file::mkdir(connect().await?, path(ROOT), 0o755, true)
            .await
            .map_err(WorkspaceError::Guest)?;
        let record = SeedRecord {
            mode: "empty".to_owned(),
            seed_path: None,
            destination: ROOT.to_owned(),
            entry_count: 0,
            bytes_written: 0,
            left_out: Vec::new(),
            left_out_count: 0,
            respect_ignore: false,
            git_note: None,
        };
        return Ok(Filled { record, files: Vec::new(), proofs: Proofs::default() });
    };
    let proofs = Proofs::begin(source.device());
    let (respect_ignore, git_note) = (source.respects_ignore(), source.git_note());
    let (mode, seed_path) =
        (source.mode().to_owned(), source.path().to_string_lossy().into_owned());
    let request = Unpack { into: Into::Empty(path(ROOT)), owners: false };
    let sending = source.clone();
    let sent =
        unpack(connect().await?, request, move |outlet| sending.send(outlet, &TreePath::root()))
            .await;
    let tally = sent.map_err(transfer)?;
    let (left_out, left_out_count) = source.not_carried();
    let record = SeedRecord {
        mode,
        seed_path: Some(seed_path),
        destination: ROOT.to_owned(),
        entry_count: tally.entry_count,
        bytes_written: tally.bytes_written,
        left_out,
        left_out_count,
        respect_ignore,
        git_note,
    };
    Ok(Filled { record, files: tally.files, proofs })
}

/// A source that did not arrive.
pub(super) fn transfer(error: TransferError<SourceError>) -> WorkspaceError {
    match error {
        TransferError::Guest(error) => WorkspaceError::Guest(error),
        TransferError::Local(error) => FileError::Source(error).into(),
    }
}
