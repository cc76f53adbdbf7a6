//! A patch applied: what it needs is read, all of it is decided, and then it is put in force as a
//! whole or not at all.

use super::baseline;
use super::contents::{self, Found};
use super::patch_report::PatchReport;
use super::patch_steps::{PatchSteps, Staged};
use crate::config::Config;
use crate::guest::archive::{NoMore, Outlet, TransferError, unpack};
use crate::guest::{stage, tree};
use crate::host::clock;
use crate::id::Id;
use crate::vm::VmError;
use crate::workspace::error::WorkspaceError;
use crate::workspace::file_error::FileError;
use crate::workspace::paths::{ROOT, STAGES};
use crate::workspace::place::WorkspacePath;
use crate::workspace::running::Running;
use pyro_patch::Side;
use pyro_patch::patch::Reason;
use pyro_patch::patch::parse;
use pyro_patch::patch::resolve;
use pyro_patch::patch::{FILE_BYTES, PatchLimits, TOTAL_BYTES};
use pyro_patch::patch::{PatchError, Plan, Reject, Rejected, Resolution};
use pyro_protocol::files::{Commit, Into, List, Stage, Unpack};
use pyro_protocol::tree::{Action, Batch, Entry, Expect, Kind, Meta, Step, Time};
use pyro_protocol::{GuestPath, TreePath};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio_util::sync::CancellationToken;

/// Apply a patch to `/workspace`.
///
/// # Errors
/// [`FileError::Patch`] with every hunk that does not fit; whatever it is, nothing has changed.
pub async fn apply(
    config: &Config,
    id: Id,
    patch: &[u8],
    cancel: &CancellationToken,
) -> Result<PatchReport, WorkspaceError> {
    let parsed = parse(patch, &PatchLimits::default()).map_err(refused)?;
    let running = Running::open_until(config, id, cancel).await?;
    running.touch()?;
    let work = async {
        let (metas, sides) = read(&running, &Plan::of(&parsed)).await?;
        let resolution = resolve(&parsed, &sides).map_err(refused)?;
        drop(sides);
        let steps = PatchSteps::of(&resolution, &metas, now());
        check_emptied(&running, &steps, &resolution).await?;
        force(&running, steps).await?;
        Ok::<Resolution, WorkspaceError>(resolution)
    };
    let resolution = tokio::select! {
        applied = work => applied,
        () = cancel.cancelled() => Err(VmError::Cancelled.into()),
    }?;
    running.was_used();
    let text = String::from_utf8_lossy(patch).into_owned();
    let mode = running.vm.execution_mode;
    Ok(PatchReport::new(id, &resolution, &parsed.submodules, text, mode))
}

/// Everything that a patch depends on.
async fn read(running: &Running<'_>, plan: &Plan) -> Result<(Metas, Sides), WorkspaceError> {
    let paths: Vec<TreePath> = plan.reads.iter().chain(&plan.parents).cloned().collect();
    let held = Arc::new(Mutex::new(Held { room: TOTAL_BYTES, ..Held::default() }));
    let out = Arc::clone(&held);
    contents::read(running.files().await?, &paths, FILE_BYTES as u64, move |one| {
        out.lock().unwrap_or_else(PoisonError::into_inner).take(one);
    })
    .await?;
    let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
    let Held { metas, sides, too_much, .. } = std::mem::take(&mut *held);
    match too_much {
        Some(path) => {
            Err(refused(Rejected { rejects: vec![Reject { path, reason: Reason::TooMuch }] })
                .into())
        }
        None => Ok((metas, sides)),
    }
}

type Metas = BTreeMap<TreePath, Meta>;
type Sides = BTreeMap<TreePath, Side>;

/// What is there of what a patch depends on.
#[derive(Default)]
struct Held {
    metas: Metas,
    sides: Sides,
    /// Bytes that may still be held.
    room: usize,
    /// The first file for which there is none.
    too_much: Option<TreePath>,
}

impl Held {
    fn take(&mut self, found: Found) {
        let (Some(side), path) = (found.side, found.path) else { return };
        match self.room.checked_sub(side.blob().map_or(0, <[u8]>::len)) {
            Some(room) if self.too_much.is_none() => {
                self.room = room;
                self.metas.insert(path.clone(), found.meta);
                self.sides.insert(path, side);
            }
            _ => {
                self.too_much.get_or_insert(path);
            }
        }
    }
}

/// A directory that a file takes the place of may hold nothing but directories and what the patch
/// removes.
async fn check_emptied(
    running: &Running<'_>,
    steps: &PatchSteps,
    resolution: &Resolution,
) -> Result<(), WorkspaceError> {
    use pyro_patch::patch::Action::Remove;
    for above in &steps.emptied {
        let place = WorkspacePath::root().join(above);
        let held = baseline::manifest(running.files().await?, place.guest(), false).await?;
        let goes = |entry: &Entry| {
            let full = crate::workspace::place::joined(above, &entry.path);
            let is = |action: &pyro_patch::patch::Action| matches!(action, Remove { path } if *path == full);
            entry.meta.kind == Kind::Directory || resolution.actions.iter().any(is)
        };
        if !held.iter().all(goes) {
            let reason = Reason::Exists { found: Side::Directory.artifact() };
            return Err(refused(Rejected {
                rejects: vec![Reject { path: above.clone(), reason }],
            })
            .into());
        }
    }
    Ok(())
}

async fn force(running: &Running<'_>, steps: PatchSteps) -> Result<(), WorkspaceError> {
    let PatchSteps { staged, steps, left, .. } = steps;
    if steps.is_empty() {
        return Ok(());
    }
    let stage = new_stage()?;
    let _held = stage::hold(running.connect().await?, stage.clone())
        .await
        .map_err(WorkspaceError::Guest)?;
    if !staged.is_empty() {
        let request = Unpack { into: Into::Stage(stage.clone()), owners: true };
        let sent =
            unpack(running.files().await?, request, move |outlet| send(outlet, &staged)).await;
        sent.map_err(|error| match error {
            TransferError::Guest(error) => WorkspaceError::Guest(error),
            TransferError::Local(NoMore) => {
                WorkspaceError::Guest(crate::guest::client::ClientError::Ended)
            }
        })?;
    }
    commit(running, stage, &steps).await?;
    // Git leaves no empty directories behind. Each goes only as it was seen, so nothing that comes
    // meanwhile is lost.
    for path in left {
        if let Some(step) = empty(running, path).await?
            && let Err(error) = commit(running, new_stage()?, &[step]).await
        {
            tracing::info!(error = &error as &dyn std::error::Error, "a directory stays");
        }
    }
    Ok(())
}

/// The step that removes a directory which holds nothing.
async fn empty(running: &Running<'_>, path: TreePath) -> Result<Option<Step>, WorkspaceError> {
    let place = WorkspacePath::root().join(&path);
    let request = List {
        root: place.guest(),
        follow: false,
        depth: Some(1),
        after: None,
        limit: Some(2),
        exclude: Vec::new(),
    };
    let found = match tree::manifest(running.files().await?, request, 2).await {
        Err(error) if super::push::is_not_found(&error) => return Ok(None),
        found => found.map_err(WorkspaceError::Guest)?,
    };
    Ok(match found.as_slice() {
        [only] if only.meta.kind == Kind::Directory && only.meta.errno == 0 => {
            Some(Step { path, expect: Expect::same(&only.meta), action: Action::Delete })
        }
        _ => None,
    })
}

fn send(outlet: &Outlet, staged: &[Staged]) -> Result<(), NoMore> {
    let mut batch = Batch::with_room();
    for one in staged {
        batch.entry(one.path.as_bytes(), &one.meta, &one.target);
        let mut at = 0;
        while at < one.bytes.len() {
            if batch.data_room() == 0 {
                outlet.send(std::mem::replace(&mut batch, Batch::with_room()))?;
            }
            let end = one.bytes.len().min(at + batch.data_room());
            batch.data(at as u64, &one.bytes[at..end]);
            at = end;
        }
        if one.meta.kind == Kind::File {
            batch.end(at as u64, false, 0);
        }
        if batch.is_full() {
            outlet.send(std::mem::replace(&mut batch, Batch::with_room()))?;
        }
    }
    if batch.is_empty() { Ok(()) } else { outlet.send(batch) }
}

fn new_stage() -> Result<Stage, WorkspaceError> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(VmError::Random)?;
    let area = GuestPath::parse(STAGES.as_bytes()).unwrap_or_else(|_| GuestPath::root());
    Ok(Stage { area, id: u64::from_le_bytes(random) })
}

async fn commit(running: &Running<'_>, stage: Stage, steps: &[Step]) -> Result<(), WorkspaceError> {
    let root = GuestPath::parse(ROOT.as_bytes()).unwrap_or_else(|_| GuestPath::root());
    stage::commit(running.files().await?, Commit { stage, root }, steps)
        .await
        .map_err(WorkspaceError::Guest)
}

fn refused(error: impl std::convert::Into<PatchError>) -> FileError {
    FileError::Patch(error.into())
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a time of this century"
)]
fn now() -> Time {
    let now = clock::now().seconds();
    let seconds = now.floor();
    Time { seconds: seconds as i64, nanoseconds: (((now - seconds) * 1e9) as u32).min(999_999_999) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_patch_reads_is_held_within_one_total() {
        let mut held = Held { room: 5, ..Held::default() };
        for name in ["a", "b", "c"] {
            let path = TreePath::parse(name.as_bytes()).unwrap();
            held.take(Found {
                path,
                meta: Meta::new(Kind::File, 0o644),
                side: Some(Side::file(0o644, *b"xxx")),
            });
        }
        assert_eq!((held.sides.len(), held.metas.len()), (1, 1));
        assert_eq!(held.too_much, TreePath::parse(b"b").ok());
    }
}
