//! What changed in a workspace since it was made: two manifests compared, then the content of what
//! may differ.

use super::base::{Base, BasePlace};
use super::baseline;
use super::compare::{Changed, compare};
use super::contents::{self, Found, HASH_BYTES, Parts};
use super::diff_report::DiffReport;
use super::hidden::{self, BothRules, Hidden};
use crate::config::Config;
use crate::id::Id;
use crate::vm::{VmError, blocking};
use crate::workspace::error::WorkspaceError;
use crate::workspace::file_error::FileError;
use crate::workspace::ignore::guest::GuestFiles;
use crate::workspace::place::WorkspacePath;
use crate::workspace::running::Running;
use pyro_patch::diff::{Diff, DiffBuilder, DiffOptions};
use pyro_patch::{Content, Side};
use pyro_protocol::TreePath;
use pyro_protocol::tree::{Entry, Kind};
use std::collections::HashMap;
use std::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// What to compare.
#[derive(Clone, Debug, Default)]
pub struct DiffRequest {
    /// Only what is at or below this path.
    pub path: Option<WorkspacePath>,
    /// Tell a deleted and an added file of the same content as one that was renamed.
    pub renames: bool,
    /// Also tell files that the workspace's own rules ignore.
    pub include_ignored: bool,
}

/// Compare a workspace with what it was when it was made.
///
/// # Errors
/// [`WorkspaceError`]; a file that cannot be read is named, and stops nothing.
pub async fn diff(
    config: &Config,
    id: Id,
    request: &DiffRequest,
    cancel: &CancellationToken,
) -> Result<DiffReport, WorkspaceError> {
    let running = Running::open_until(config, id, cancel).await?;
    running.touch()?;
    tokio::select! {
        found = changes(&running, request) => {
            let (diff, hidden) = found?;
            Ok(DiffReport::new(id, &diff, &hidden))
        }
        () = cancel.cancelled() => Err(VmError::Cancelled.into()),
    }
}

/// The changes of a workspace, and what is left out of them.
///
/// # Errors
/// [`WorkspaceError`].
pub(super) async fn changes(
    running: &Running<'_>,
    request: &DiffRequest,
) -> Result<(Diff, Hidden), WorkspaceError> {
    let (config, id) = (running.config.clone(), running.workspace.id);
    let kept = async { blocking(move || Ok(baseline::kept(&config, id))).await? };
    let present = async { baseline::present(running.files().await?).await };
    let (old, new) = tokio::try_join!(kept, present)?;
    let within = request.path.as_ref().map_or_else(TreePath::root, |path| path.tree().clone());
    if let Some(path) = request.path.as_ref().filter(|path| !path.is_root())
        && !old.iter().chain(&new).any(|entry| entry.path.is_within(&within))
    {
        return Err(FileError::Nowhere { path: path.to_text() }.into());
    }
    let both = || BothRules { old: GuestFiles::of(&old), new: GuestFiles::of(&new) };
    let rules = (!request.include_ignored).then(both);
    let changed = compare(old, new, &within);
    let (changed, hidden) = match rules {
        Some(rules) => hidden::hide(running, rules, changed).await?,
        None => (changed, Hidden::default()),
    };
    let options = DiffOptions { renames: request.renames, ..DiffOptions::default() };
    let wanted: Vec<TreePath> = changed.iter().filter_map(content_wanted).collect();
    let base = BasePlace::of(running)?;
    let hold = options.text_bytes as u64;
    // One file of each side is held at a time: the pipe has room for one, and who fills it waits.
    let (out, pipe) = mpsc::sync_channel(1);
    let ended = CancellationToken::new();
    // Dropped, it ends what would otherwise read the rest of the baseline for nobody.
    let _guard = ended.clone().drop_guard();
    let built = tokio::task::spawn_blocking(move || build(changed, &base, &pipe, options, &ended));
    let read = contents::read(running.files().await?, &wanted, hold, move |found| {
        // Nobody takes it when the other side has failed, and that is told there.
        let _ = out.send(found);
    });
    let read = read.await;
    let built = built.await.map_err(|_| VmError::Cancelled)??;
    read.map(|()| (built, hidden))
}

fn content_wanted(changed: &Changed) -> Option<TreePath> {
    let new = changed.new.as_ref()?;
    (new.meta.kind == Kind::File && new.meta.size <= HASH_BYTES).then(|| changed.path.clone())
}

fn build(
    changed: Vec<Changed>,
    base: &BasePlace,
    pipe: &mpsc::Receiver<Found>,
    options: DiffOptions,
    ended: &CancellationToken,
) -> Result<Diff, FileError> {
    let reads_old =
        |changed: &Changed| changed.old.as_ref().is_some_and(|old| old.meta.kind == Kind::File);
    let base = match changed.iter().any(reads_old) {
        true => Some(base.open()?),
        false => None,
    };
    let hold = options.text_bytes as u64;
    let mut builder = DiffBuilder::new(options);
    let mut left: HashMap<TreePath, Changed> =
        changed.into_iter().map(|one| (one.path.clone(), one)).collect();
    let mut push = |one: Changed, new: Option<Side>| {
        if ended.is_cancelled() {
            return;
        }
        let old = one.old.as_ref().map(|old| old_side(base.as_ref(), old, hold));
        builder.push(&one.path, old.as_ref(), new.as_ref());
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

fn side(entry: &Entry, content: Content) -> Side {
    match entry.meta.kind {
        Kind::File | Kind::HardLink => Side::File { mode: entry.meta.mode, content },
        Kind::Symlink => Side::symlink(entry.target.clone()),
        Kind::Directory => Side::Directory,
        _ => Side::Other,
    }
}

/// What a path held; a file that cannot be read is taken for one that is too large.
fn old_side(base: Option<&Base<'_>>, old: &Entry, hold: u64) -> Side {
    let size = old.meta.size;
    let unread = Content::Large { size, id: None };
    if old.meta.kind != Kind::File || size > HASH_BYTES {
        return side(old, unread);
    }
    let mut parts = Parts::new(size, hold);
    let mut taken = 0;
    let read = base.map(|base| {
        base.read(&old.path, |bytes| {
            taken += bytes.len() as u64;
            if taken <= size {
                parts.take(bytes);
            }
            taken <= size
        })
    });
    match read {
        Some(Ok(())) if taken == size => side(old, parts.finish()),
        Some(Err(error)) => {
            tracing::warn!(path = %old.path, error = &error as &dyn std::error::Error, "a file of the baseline is not read");
            side(old, unread)
        }
        _ => side(old, unread),
    }
}
