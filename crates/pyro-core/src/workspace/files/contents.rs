//! The present content of some paths of a workspace, taken from a stream as sides of a change.

use crate::guest::archive::{TransferError, pack};
use crate::workspace::error::WorkspaceError;
use crate::workspace::paths::ROOT;
use pyro_patch::git::{BlobHasher, BlobId};
use pyro_patch::{Content, Side};
use pyro_protocol::files::Pack;
use pyro_protocol::tree::{Kind, Meta, Record, RecordError};
use pyro_protocol::{GuestPath, TreePath};
use std::collections::HashMap;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

/// Largest file whose git id is found although it is not held, in bytes.
pub const HASH_BYTES: u64 = 1 << 30;

/// Zeros that the holes of all files of one reading become, in bytes: they cost a guest nothing. A
/// file whose holes are beyond is passed as one that is too large.
const HOLE_BYTES: u64 = 4 << 30;

/// Bytes that are held of files with other names, in case those come; of what is beyond, the git id
/// is known.
const LINKED_BYTES: u64 = 64 << 20;

const ZEROS: [u8; 16 * 1024] = [0; 16 * 1024];

/// What stands at a path.
#[derive(Clone, Debug)]
pub struct Found {
    /// Where.
    pub path: TreePath,
    /// What it was when it was read.
    pub meta: Meta,
    /// What it holds; none where nothing is.
    pub side: Option<Side>,
}

/// Read paths of `/workspace`, files of at most `hold` bytes whole; each is given to `each` in a
/// thread beside.
///
/// # Errors
/// [`WorkspaceError::Guest`].
pub async fn read<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    paths: &[TreePath],
    hold: u64,
    each: impl FnMut(Found) + Send + 'static,
) -> Result<(), WorkspaceError> {
    if paths.is_empty() {
        return Ok(());
    }
    let root = GuestPath::parse(ROOT.as_bytes()).unwrap_or_else(|_| GuestPath::root());
    let request = Pack { root, follow: true, exclude: Vec::new(), listed: true, attributes: false };
    let links = Links { room: LINKED_BYTES, contents: HashMap::new() };
    let ended = CancellationToken::new();
    // Whoever waits no longer wants no more hashes either.
    let _guard = ended.clone().drop_guard();
    let holes = Holes { room: HOLE_BYTES, ended };
    let gather = Gather { hold, left: paths.len(), open: None, links, holes, each: Box::new(each) };
    let packed =
        pack(stream, request, paths, gather, |gather: &mut Gather, record| gather.take(record))
            .await;
    packed.map(drop).map_err(|error| match error {
        TransferError::Guest(error) => WorkspaceError::Guest(error),
        TransferError::Local(error) => WorkspaceError::Guest(error.into()),
    })
}

struct Gather {
    hold: u64,
    /// Paths that are still to come: the guest may send no others.
    left: usize,
    open: Option<Open>,
    links: Links,
    holes: Holes,
    each: Box<dyn FnMut(Found) + Send>,
}

/// Holes that are read as the zeros that they stand for.
struct Holes {
    /// Zeros that may still come.
    room: u64,
    /// Says that nobody waits for them.
    ended: CancellationToken,
}

/// Contents of files that have other names.
struct Links {
    /// Bytes that may still be held.
    room: u64,
    contents: HashMap<Vec<u8>, Content>,
}

impl Links {
    fn keep(&mut self, path: &TreePath, content: &Content) {
        let content = match content {
            Content::Held(bytes) => match self.room.checked_sub(bytes.len() as u64) {
                Some(room) => {
                    self.room = room;
                    content.clone()
                }
                None => Content::Large { size: bytes.len() as u64, id: Some(BlobId::of(bytes)) },
            },
            Content::Large { .. } => content.clone(),
        };
        self.contents.insert(path.as_bytes().to_vec(), content);
    }
}

/// A file whose content comes.
struct Open {
    path: TreePath,
    meta: Meta,
    taking: Taking,
    at: u64,
}

enum Taking {
    Held(Vec<u8>),
    Hashed(BlobHasher),
    /// Too large even for that, or longer than it said.
    Passed,
}

impl Gather {
    fn take(&mut self, record: &Record<'_>) -> Result<(), RecordError> {
        match record {
            Record::Entry { path, meta, target } => {
                self.left = self.left.checked_sub(1).ok_or(RecordError::Field)?;
                self.entry(TreePath::parse(path)?, meta, target);
            }
            Record::Data { offset, bytes } => {
                let open = self.open.as_mut().ok_or(RecordError::Field)?;
                open.zeros(*offset, self.hold, &mut self.holes);
                open.data(bytes, self.hold);
            }
            Record::End { size, .. } => {
                let mut open = self.open.take().ok_or(RecordError::Field)?;
                open.zeros(*size, self.hold, &mut self.holes);
                let content = open.content(*size);
                if open.meta.nlink > 1 {
                    self.links.keep(&open.path, &content);
                }
                let side = Some(Side::File { mode: open.meta.mode, content });
                (self.each)(Found { path: open.path, meta: open.meta, side });
            }
            _ => return Err(RecordError::Field),
        }
        Ok(())
    }

    fn entry(&mut self, path: TreePath, meta: &Meta, target: &[u8]) {
        let unread = Content::Large { size: meta.size, id: None };
        let side = match meta.kind {
            // Nothing there, or nothing that a path without links leads to.
            Kind::Unknown => None,
            Kind::File if meta.errno == 0 => {
                let taking = Taking::new(meta.size, self.hold);
                self.open = Some(Open { path, meta: *meta, taking, at: 0 });
                return;
            }
            Kind::File => Some(Side::File { mode: meta.mode, content: unread }),
            Kind::HardLink => {
                let content = self.links.contents.get(target).cloned().unwrap_or(unread);
                Some(Side::File { mode: meta.mode, content })
            }
            Kind::Symlink => Some(Side::symlink(target)),
            Kind::Directory => Some(Side::Directory),
            _ => Some(Side::Other),
        };
        let kind = if meta.kind == Kind::HardLink { Kind::File } else { meta.kind };
        (self.each)(Found { path, meta: Meta { kind, ..*meta }, side });
    }
}

impl Taking {
    fn new(size: u64, hold: u64) -> Self {
        match size {
            size if size <= hold => Self::Held(Vec::new()),
            size if size <= HASH_BYTES => Self::Hashed(BlobHasher::new(size)),
            _ => Self::Passed,
        }
    }
}

impl Open {
    fn data(&mut self, bytes: &[u8], hold: u64) {
        self.at = self.at.saturating_add(bytes.len() as u64);
        match &mut self.taking {
            Taking::Held(held) if self.at <= hold => held.extend_from_slice(bytes),
            Taking::Hashed(hasher) if self.at <= self.meta.size => hasher.update(bytes),
            _ => self.taking = Taking::Passed,
        }
    }

    /// A hole, up to `end`.
    fn zeros(&mut self, end: u64, hold: u64, holes: &mut Holes) {
        while self.at < end && !matches!(self.taking, Taking::Passed) {
            let len = usize::try_from(end - self.at).unwrap_or(ZEROS.len()).min(ZEROS.len());
            match holes.room.checked_sub(len as u64).filter(|_| !holes.ended.is_cancelled()) {
                Some(room) => {
                    holes.room = room;
                    self.data(&ZEROS[..len], hold);
                }
                None => self.taking = Taking::Passed,
            }
        }
        self.at = self.at.max(end);
    }

    fn content(&mut self, size: u64) -> Content {
        match std::mem::replace(&mut self.taking, Taking::Passed) {
            Taking::Held(bytes) => Content::Held(bytes),
            Taking::Hashed(hasher) if size == self.meta.size => {
                Content::Large { size, id: Some(hasher.finish()) }
            }
            _ => Content::Large { size, id: None },
        }
    }
}

/// What a file holds whose parts are given in order: held where it is small enough.
pub enum Parts {
    /// All of it so far.
    Held(Vec<u8>),
    /// Its id so far.
    Hashed(u64, BlobHasher),
}

impl Parts {
    /// Nothing yet of a file of `size` bytes.
    #[must_use]
    pub fn new(size: u64, hold: u64) -> Self {
        if size <= hold {
            Self::Held(Vec::new())
        } else {
            Self::Hashed(size, BlobHasher::new(size))
        }
    }

    /// Take the next part.
    pub fn take(&mut self, bytes: &[u8]) {
        match self {
            Self::Held(held) => held.extend_from_slice(bytes),
            Self::Hashed(_, hasher) => hasher.update(bytes),
        }
    }

    /// What it holds.
    #[must_use]
    pub fn finish(self) -> Content {
        match self {
            Self::Held(bytes) => Content::Held(bytes),
            Self::Hashed(size, hasher) => {
                let id: BlobId = hasher.finish();
                Content::Large { size, id: Some(id) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    fn gathered(records: &[Record<'_>], hold: u64, room: u64) -> Vec<(String, Option<Side>)> {
        gathered_with(records, hold, room, holes(HOLE_BYTES))
    }

    fn holes(room: u64) -> Holes {
        Holes { room, ended: CancellationToken::new() }
    }

    fn gathered_with(
        records: &[Record<'_>],
        hold: u64,
        room: u64,
        holes: Holes,
    ) -> Vec<(String, Option<Side>)> {
        let found = Arc::new(Mutex::new(Vec::new()));
        let out = Arc::clone(&found);
        let each =
            Box::new(move |one: Found| out.lock().unwrap().push((one.path.to_string(), one.side)));
        let links = Links { room, contents: HashMap::new() };
        let mut gather = Gather { hold, left: 5, open: None, links, holes, each };
        for record in records {
            gather.take(record).unwrap();
        }
        Arc::into_inner({
            drop(gather);
            found
        })
        .unwrap()
        .into_inner()
        .unwrap()
    }

    #[test]
    fn holes_are_zeros_links_have_their_content_and_large_files_an_id() {
        let file = |size| Meta { size, nlink: 2, ..Meta::new(Kind::File, 0o755) };
        let end = |size| Record::End { size, changed: false, errno: 0 };
        let found = gathered(
            &[
                Record::Entry { path: b"a", meta: file(4), target: b"" },
                Record::Data { offset: 2, bytes: b"x" },
                end(4),
                Record::Entry {
                    path: b"b",
                    meta: Meta { kind: Kind::HardLink, ..file(4) },
                    target: b"a",
                },
                Record::Entry { path: b"big", meta: file(9), target: b"" },
                Record::Data { offset: 0, bytes: b"123456789" },
                end(9),
                Record::Entry { path: b"grew", meta: file(1), target: b"" },
                Record::Data { offset: 0, bytes: b"123456789" },
                end(9),
                Record::Entry {
                    path: b"gone",
                    meta: Meta { errno: 2, ..Meta::new(Kind::Unknown, 0) },
                    target: b"",
                },
            ],
            8,
            8,
        );
        let held = Some(Side::file(0o755, *b"\0\0x\0"));
        let large = |id| Some(Side::File { mode: 0o755, content: Content::Large { size: 9, id } });
        let expected = [
            ("a", held.clone()),
            ("b", held),
            ("big", large(Some(BlobId::of(b"123456789")))),
            ("grew", large(None)),
            ("gone", None),
        ];
        assert_eq!(found, expected.map(|(path, side)| (path.to_owned(), side)));
    }

    #[test]
    fn the_holes_of_all_files_are_bounded_together_and_end_with_whoever_waits() {
        let (size, hold) = (20_000, 8);
        let file = Meta { size, ..Meta::new(Kind::File, 0o644) };
        let sparse = |path: &'static [u8]| {
            [
                Record::Entry { path, meta: file, target: b"" },
                Record::End { size, changed: false, errno: 0 },
            ]
        };
        let records: Vec<_> = [&b"a"[..], b"b", b"c"].into_iter().flat_map(sparse).collect();
        let ids = |holes| {
            let sides =
                gathered_with(&records, hold, 0, holes).into_iter().map(|(_, side)| side.unwrap());
            let id = |side| match side {
                Side::File { content: Content::Large { size: 20_000, id }, .. } => id,
                side => panic!("{side:?}"),
            };
            sides.map(id).collect::<Vec<_>>()
        };
        let zeros = Some(BlobId::of(&[0; 20_000]));
        assert_eq!(ids(holes(3 * size)), [zeros, zeros, zeros]);
        assert_eq!(ids(holes(3 * size - 1)), [zeros, zeros, None]);
        let ended = holes(3 * size);
        ended.ended.cancel();
        assert_eq!(ids(ended), [None, None, None]);
    }

    #[test]
    fn what_is_held_of_linked_files_is_bounded() {
        let file = Meta { size: 4, nlink: 2, ..Meta::new(Kind::File, 0o644) };
        let link = Meta { kind: Kind::HardLink, ..file };
        let end = || Record::End { size: 4, changed: false, errno: 0 };
        let found = gathered(
            &[
                Record::Entry { path: b"a", meta: file, target: b"" },
                end(),
                Record::Entry { path: b"b", meta: file, target: b"" },
                end(),
                Record::Entry { path: b"c", meta: link, target: b"a" },
                Record::Entry { path: b"d", meta: link, target: b"b" },
            ],
            8,
            7,
        );
        let contents: Vec<_> = found.into_iter().map(|(_, side)| side.unwrap()).collect();
        let held = Side::file(0o644, [0; 4]);
        let id = Some(BlobId::of(&[0; 4]));
        assert_eq!(contents[..3], [held.clone(), held.clone(), held]);
        assert_eq!(
            contents[3],
            Side::File { mode: 0o644, content: Content::Large { size: 4, id } }
        );
    }

    #[test]
    fn more_paths_than_were_asked_for_are_refused() {
        let links = Links { room: 0, contents: HashMap::new() };
        let mut gather =
            Gather { hold: 8, left: 1, open: None, links, holes: holes(0), each: Box::new(drop) };
        let gone = Record::Entry {
            path: b"a",
            meta: Meta { errno: 2, ..Meta::new(Kind::Unknown, 0) },
            target: b"",
        };
        assert_eq!(gather.take(&gone), Ok(()));
        assert_eq!(gather.take(&gone), Err(RecordError::Field));
    }
}
