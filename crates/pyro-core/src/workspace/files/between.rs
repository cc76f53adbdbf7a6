//! What differs between two closed states of a workspace: both are read from their layers, and no
//! guest is asked.

use super::base::BasePlace;
use super::compare::{Changed, compare};
use super::diff_request::DiffRequest;
use super::hidden::{self, BothRules, Hidden, Later};
use super::sides::{closed_side, redacted};
use crate::redaction::Redactor;
use crate::vm::{VmError, blocking};
use crate::workspace::error::WorkspaceError;
use crate::workspace::file_error::FileError;
use crate::workspace::ignore::guest::GuestFiles;
use pyro_patch::diff::{Diff, DiffBuilder, DiffOptions};
use pyro_protocol::tree::Kind;
use tokio_util::sync::CancellationToken;

/// The changes from one closed state to another, and what is left out of them.
///
/// # Errors
/// [`WorkspaceError`].
pub(super) async fn changes(
    from: BasePlace,
    to: BasePlace,
    request: &DiffRequest,
    redactor: Option<Redactor>,
) -> Result<(Diff, Hidden), WorkspaceError> {
    let ended = CancellationToken::new();
    // Dropped, it ends what would otherwise read on for nobody.
    let _guard = ended.clone().drop_guard();
    let (places, over) = ((from.clone(), to.clone()), ended.clone());
    let listed = blocking(move || {
        let list = |place: &BasePlace| place.open()?.list(&over);
        Ok(list(&places.0).and_then(|old| Ok((old, list(&places.1)?))))
    });
    let (old, new) = listed.await??;
    let within = request.within(&old, &new)?;
    let both = || BothRules { old: GuestFiles::of(&old), new: GuestFiles::of(&new) };
    let rules = (!request.include_ignored).then(both);
    let changed = compare(old, new, &within);
    let (changed, hidden) = match rules {
        Some(rules) => hidden::hide(Later::Closed(&to), &from, rules, changed).await?,
        None => (changed, Hidden::default()),
    };
    let options = request.options();
    let build = move || build(&changed, (&from, &to), options, redactor.as_ref(), &ended);
    let built = tokio::task::spawn_blocking(build).await.map_err(|_| VmError::Cancelled)??;
    Ok((built, hidden))
}

fn build(
    changed: &[Changed],
    (from, to): (&BasePlace, &BasePlace),
    options: DiffOptions,
    redactor: Option<&Redactor>,
    ended: &CancellationToken,
) -> Result<Diff, FileError> {
    let hold = options.text_bytes as u64;
    let mut builder = DiffBuilder::new(options);
    let is_read = changed
        .iter()
        .flat_map(|one| one.old.iter().chain(&one.new))
        .any(|node| node.meta.kind == Kind::File);
    let (from, to) = match is_read {
        true => (Some(from.open()?), Some(to.open()?)),
        false => (None, None),
    };
    for one in changed.iter().take_while(|_| !ended.is_cancelled()) {
        let old = one.old.as_ref().map(|old| closed_side(from.as_ref(), old, hold));
        let new = one.new.as_ref().map(|new| closed_side(to.as_ref(), new, hold));
        let redacted = |side| redacted(redactor, side);
        let (old, new) = (old.map(redacted), new.map(redacted));
        builder.push(&one.path, old.as_ref(), new.as_ref());
    }
    Ok(builder.finish())
}
