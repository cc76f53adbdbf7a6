//! What a diff leaves out: new files that the guest's own rules ignore.

use super::compare::Changed;
use super::contents;
use crate::vm::lifecycle;
use crate::workspace::error::WorkspaceError;
use crate::workspace::ignore::Ignored;
use crate::workspace::ignore::guest::{GuestFiles, INDEX_LEN, WORK};
use crate::workspace::running::Running;
use crate::workspace::side::{Content, Side};
use pyro_protocol::TreePath;
use pyro_protocol::tree::Kind;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

/// How often files are asked for that earlier ones lead to: `.git` files name directories, and an index another one.
const ROUNDS: usize = 3;

/// The changes without the new files that the guest's rules ignore, and how many those are. What was there when the workspace was
/// made is never left out, nor is what the guest's repositories track.
///
/// # Errors
/// [`WorkspaceError`].
pub(super) async fn hide(
    running: &Running<'_>,
    mut files: GuestFiles,
    changed: Vec<Changed>,
) -> Result<(Vec<Changed>, u64), WorkspaceError> {
    let is_new = |one: &Changed| {
        one.old.is_none() && !one.path.as_bytes().split(|byte| *byte == b'/').any(|name| name == b".git")
    };
    let mut directories = BTreeSet::new();
    for one in changed.iter().filter(|one| is_new(one)) {
        let mut path = one.path.as_bytes();
        while let Some(slash) = path.iter().rposition(|byte| *byte == b'/') {
            path = &path[..slash];
            if !directories.insert(path.to_vec()) {
                break;
            }
        }
        directories.insert(Vec::new());
    }
    for _ in 0..ROUNDS {
        let wanted = files.wanted(&directories);
        if wanted.is_empty() {
            break;
        }
        files = read(running, files, &wanted).await?;
    }
    let judged = lifecycle::blocking(move || {
        let mut rules = Ignored::new(files, b"", WORK);
        let before = changed.len();
        let mut shown = changed;
        shown.retain(|one| {
            let is_dir = one.new.as_ref().is_some_and(|new| new.meta.kind == Kind::Directory);
            !(is_new(one) && rules.is_ignored(one.path.as_bytes(), is_dir))
        });
        if rules.is_exhausted() {
            tracing::warn!("the workspace's ignore rules take too long: not all ignored files are left out");
        }
        let hidden = (before - shown.len()) as u64;
        Ok((shown, hidden))
    });
    Ok(judged.await?)
}

/// Read some of the guest's files of rules.
async fn read(running: &Running<'_>, files: GuestFiles, wanted: &[TreePath]) -> Result<GuestFiles, WorkspaceError> {
    let held = Arc::new(Mutex::new(files));
    let taking = Arc::clone(&held);
    let lock = |files: &Mutex<GuestFiles>, act: &mut dyn FnMut(&mut GuestFiles)| {
        act(&mut files.lock().unwrap_or_else(PoisonError::into_inner));
    };
    contents::read(running.files().await?, wanted, INDEX_LEN, move |found| {
        let Some(Side::File { content: Content::Held(bytes), .. }) = found.side else { return };
        let mut bytes = Some(bytes);
        lock(&taking, &mut |files| files.put(&found.path, bytes.take().unwrap_or_default()));
    })
    .await?;
    let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
    // What could not be read is not asked for again.
    for path in wanted {
        if !held.has(path) {
            held.put(path, Vec::new());
        }
    }
    Ok(std::mem::take(&mut held))
}
