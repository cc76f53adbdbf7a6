//! What differs between two states of a workspace, as a rule since it was made: two manifests
//! compared, then the content of what may differ.

use super::base::BasePlace;
use super::between;
use super::compare::{Changed, compare};
use super::contents::{self, Found, HASH_BYTES};
use super::diff_report::DiffReport;
pub use super::diff_request::DiffRequest;
use super::hidden::{self, BothRules, Hidden, Later};
use super::sides::{closed_side, redacted, side};
use super::{baseline, listing};
use crate::config::Config;
use crate::disk::{DiskError, DiskFault};
use crate::id::Id;
use crate::redaction::Redactor;
use crate::snapshot_name::{DiffPoint, Snapshot};
use crate::store::Store;
use crate::vm::{VmError, blocking};
use crate::workspace::claim::find;
use crate::workspace::error::WorkspaceError;
use crate::workspace::file_error::FileError;
use crate::workspace::ignore::guest::GuestFiles;
use crate::workspace::layers::closed_layer;
use crate::workspace::running::Running;
use crate::workspace::secrets::Secrets;
use crate::workspace::stopped::Stopped;
use pyro_patch::diff::{Diff, DiffBuilder, DiffOptions};
use pyro_patch::{Content, Side};
use pyro_protocol::TreePath;
use pyro_protocol::tree::{Entry, Kind};
use std::collections::HashMap;
use std::io;
use std::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Compare two states of a workspace. It need not run where neither is the present one.
///
/// # Errors
/// [`WorkspaceError`]; a file that cannot be read is named, and stops nothing.
pub async fn diff(
    config: &Config,
    id: Id,
    request: &DiffRequest,
    cancel: &CancellationToken,
) -> Result<DiffReport, WorkspaceError> {
    let compare = async || {
        let (from, to) = match (&request.from, &request.to) {
            (DiffPoint::Closed(from), DiffPoint::Closed(to)) => (from, to),
            _ => {
                let running = match Running::open(config, id).await {
                    Err(stopped @ WorkspaceError::NotStarted { .. }) => {
                        return match at_rest(config, id, request).await {
                            // Its guest was killed; a start replays the journal.
                            Err(error) if has_journal(&error) => Err(stopped),
                            compared => compared,
                        };
                    }
                    running => running?,
                };
                running.touch()?;
                return changes(&running, request).await;
            }
        };
        let store = Store::open(&config.data_dir)?;
        let workspace = find(&store, id)?;
        let place = |snapshot| {
            let (layer, _) = closed_layer(&store, &workspace, snapshot)?;
            BasePlace::of_layer(config, &store, &workspace, layer)
        };
        between::changes(place(from)?, place(to)?, request, redactor(config, id, request)?).await
    };
    let compared = async {
        match compare().await {
            // Its layers are others now.
            Err(error) if was_merged(&error) => compare().await,
            // It was started.
            Err(WorkspaceError::NotStopped { .. }) => compare().await,
            compared => compared,
        }
    };
    let (diff, hidden) = tokio::select! {
        compared = compared => compared?,
        () = cancel.cancelled() => return Err(VmError::Cancelled.into()),
    };
    Ok(DiffReport::new(id, &diff, &hidden))
}

/// What keeps the secrets of the workspace out, where that is wanted and it has some.
fn redactor(
    config: &Config,
    id: Id,
    request: &DiffRequest,
) -> Result<Option<Redactor>, WorkspaceError> {
    if request.redact { Secrets::of(config, id)?.redactor() } else { Ok(None) }
}

/// As [`diff`], of a workspace that is stopped: its disk is read as that of a snapshot is.
async fn at_rest(
    config: &Config,
    id: Id,
    request: &DiffRequest,
) -> Result<(Diff, Hidden), WorkspaceError> {
    let stopped = Stopped::find(config, id).await?;
    let store = Store::open(&config.data_dir)?;
    let workspace = &stopped.workspace;
    let place = |point: &DiffPoint| {
        let layer = match point {
            DiffPoint::Closed(snapshot) => closed_layer(&store, workspace, snapshot)?.0,
            DiffPoint::Now => workspace.top_layer.ok_or(WorkspaceError::NoDisk { id })?,
        };
        BasePlace::of_layer(config, &store, workspace, layer)
    };
    let redactor = redactor(config, id, request)?;
    let (from, to) = (place(&request.from)?, place(&request.to)?);
    let compared = between::changes(from, to, request, redactor).await;
    stopped.check(&store)?;
    compared
}

/// Whether the disk was not unmounted, so that only a guest can read it.
fn has_journal(error: &WorkspaceError) -> bool {
    let WorkspaceError::File(FileError::Disk(DiskError::Fault(fault))) = error else {
        return false;
    };
    *fault == DiskFault::Journal
}

/// Whether a layer has gone since the chain that it was in was read, as it does where somebody
/// deletes a snapshot meanwhile.
fn was_merged(error: &WorkspaceError) -> bool {
    match error {
        WorkspaceError::LayerGone { .. } => true,
        WorkspaceError::File(FileError::Disk(DiskError::Open { source, .. })) => {
            source.kind() == io::ErrorKind::NotFound
        }
        _ => false,
    }
}

/// The changes between the present state of a workspace and an earlier one, and what is left out of
/// them.
///
/// # Errors
/// [`WorkspaceError`].
pub(super) async fn changes(
    running: &Running<'_>,
    request: &DiffRequest,
) -> Result<(Diff, Hidden), WorkspaceError> {
    let (snapshot, is_reversed) = match (&request.from, &request.to) {
        (DiffPoint::Closed(snapshot), _) => (snapshot, false),
        (_, DiffPoint::Closed(snapshot)) => (snapshot, true),
        // The same with the same.
        _ => return Ok((DiffBuilder::new(DiffOptions::default()).finish(), Hidden::default())),
    };
    let earlier = async { earlier(running, snapshot).await };
    let present = async { baseline::present(running.files().await?).await };
    let ((old, base), new) = tokio::try_join!(earlier, present)?;
    let within = request.within(&old, &new)?;
    let both = || BothRules { old: GuestFiles::of(&old), new: GuestFiles::of(&new) };
    let rules = (!request.include_ignored).then(both);
    let changed = compare(old, new, &within);
    let (changed, hidden) = match rules {
        Some(rules) => hidden::hide(Later::Guest(running), &base, rules, changed).await?,
        None => (changed, Hidden::default()),
    };
    let redactor = redactor(running.config, running.workspace.id, request)?;
    let options = request.options();
    let wanted: Vec<TreePath> = changed.iter().filter_map(content_wanted).collect();
    let hold = options.text_bytes as u64;
    // One file of each side is held at a time: the pipe has room for one, and who fills it waits.
    let (out, pipe) = mpsc::sync_channel(1);
    let ended = CancellationToken::new();
    // Dropped, it ends what would otherwise read the rest of the baseline for nobody.
    let _guard = ended.clone().drop_guard();
    let order = Order { options, is_reversed, redactor };
    let built = tokio::task::spawn_blocking(move || build(changed, &base, &pipe, order, &ended));
    let read = contents::read(running.files().await?, &wanted, hold, move |found| {
        // Nobody takes it when the other side has failed, and that is told there.
        let _ = out.send(found);
    });
    let read = read.await;
    let built = built.await.map_err(|_| VmError::Cancelled)??;
    read.map(|()| (built, hidden))
}

/// What an earlier state of a workspace held, and where its contents are.
async fn earlier(
    running: &Running<'_>,
    snapshot: &Snapshot,
) -> Result<(Vec<Entry>, BasePlace), WorkspaceError> {
    let (workspace, store) = (&running.workspace, &running.store);
    let (layer, named) = closed_layer(store, workspace, snapshot)?;
    let place = BasePlace::of_layer(running.config, store, workspace, layer)?;
    let (config, id) = (running.config.clone(), workspace.id);
    let ended = CancellationToken::new();
    let _guard = ended.clone().drop_guard();
    let looked = blocking(move || {
        let look = || match named {
            // What it was is known since it was made.
            None => Ok((baseline::kept(&config, id)?, place)),
            Some(_) => {
                let entries = place.open()?.list(&ended)?;
                Ok((listing::completed(&config, id, layer, entries)?, place))
            }
        };
        Ok(look())
    });
    looked.await?
}

/// How a difference is told.
struct Order {
    options: DiffOptions,
    /// From the present state to the earlier one.
    is_reversed: bool,
    redactor: Option<Redactor>,
}

fn content_wanted(changed: &Changed) -> Option<TreePath> {
    let new = changed.new.as_ref()?;
    (new.meta.kind == Kind::File && new.meta.size <= HASH_BYTES).then(|| changed.path.clone())
}

fn build(
    changed: Vec<Changed>,
    base: &BasePlace,
    pipe: &mpsc::Receiver<Found>,
    order: Order,
    ended: &CancellationToken,
) -> Result<Diff, FileError> {
    let reads_old =
        |changed: &Changed| changed.old.as_ref().is_some_and(|old| old.meta.kind == Kind::File);
    let base = match changed.iter().any(reads_old) {
        true => Some(base.open()?),
        false => None,
    };
    let hold = order.options.text_bytes as u64;
    let mut builder = DiffBuilder::new(order.options);
    let mut left: HashMap<TreePath, Changed> =
        changed.into_iter().map(|one| (one.path.clone(), one)).collect();
    let mut push = |one: Changed, new: Option<Side>| {
        if ended.is_cancelled() {
            return;
        }
        let old = one.old.as_ref().map(|old| closed_side(base.as_ref(), old, hold));
        let redacted = |side| redacted(order.redactor.as_ref(), side);
        let (old, new) = (old.map(redacted), new.map(redacted));
        match order.is_reversed {
            true => builder.push(&one.path, new.as_ref(), old.as_ref()),
            false => builder.push(&one.path, old.as_ref(), new.as_ref()),
        }
    };
    while let Ok(found) = pipe.recv() {
        if let Some(one) = left.remove(&found.path) {
            push(one, found.side);
        }
    }
    for one in left.into_values() {
        let new =
            one.new.as_ref().map(|new| side(new, Content::Large { size: new.meta.size, id: None }));
        push(one, new);
    }
    Ok(builder.finish())
}
