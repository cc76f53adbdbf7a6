//! Nodes of a tree as sides of a change; contents of closed layers are read, one file at a time.

use super::base::Base;
use super::contents::{HASH_BYTES, Parts};
use crate::redaction::Redactor;
use pyro_patch::{Content, Side};
use pyro_protocol::tree::{Entry, Kind};

/// A node with what is known of its content.
pub(super) fn side(entry: &Entry, content: Content) -> Side {
    match entry.meta.kind {
        Kind::File | Kind::HardLink => Side::File { mode: entry.meta.mode, content },
        Kind::Symlink => Side::symlink(entry.target.clone()),
        Kind::Directory => Side::Directory,
        _ => Side::Other,
    }
}

/// The same without what `redactor` keeps out of its content.
pub(super) fn redacted(redactor: Option<&Redactor>, side: Side) -> Side {
    match (redactor, side) {
        (Some(redactor), Side::File { mode, content: Content::Held(bytes) }) => {
            Side::File { mode, content: Content::Held(redactor.bytes(&bytes)) }
        }
        (Some(redactor), Side::Symlink { target }) => {
            Side::Symlink { target: redactor.bytes(&target) }
        }
        (_, side) => side,
    }
}

/// What a path holds on a closed layer; a file that cannot be read is taken for one that is too
/// large.
pub(super) fn closed_side(base: Option<&Base<'_>>, old: &Entry, hold: u64) -> Side {
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
            let error = &error as &dyn std::error::Error;
            tracing::warn!(path = %old.path, error, "a file of a closed layer is not read");
            side(old, unread)
        }
        _ => side(old, unread),
    }
}
