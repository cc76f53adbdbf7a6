//! Packing: a walk's nodes and the contents of its files as batches of records.

use crate::walk::Walk;
use crate::{error, node, sparse};
use pyro_protocol::TreePath;
use pyro_protocol::tree::{Batch, Kind, Meta};
use rustix::io::Errno;
use std::collections::HashMap;
use std::os::fd::OwnedFd;

/// Room that is worth a read, in bytes.
const WORTH_LEN: usize = 4096;

/// Batches on their way out.
pub struct Packer<F> {
    batch: Batch,
    out: F,
    /// First path of each file that has more than one.
    links: HashMap<u64, TreePath>,
}

/// Send a whole tree. What cannot be read is told in the stream; only the receiver can stop it.
///
/// # Errors
/// What `out` answers.
pub fn pack<E>(walk: &mut Walk<'_>, out: impl FnMut(Batch) -> Result<(), E>) -> Result<(), E> {
    let mut packer = Packer::new(out);
    while let Some((meta, target)) = walk.next_node() {
        packer.node(walk.path(), meta, &target, || walk.open())?;
    }
    packer.finish()
}

/// As [`pack`], and say in the stream which nodes have extended attributes.
///
/// # Errors
/// What `out` answers.
pub fn pack_attributed<E>(
    walk: &mut Walk<'_>,
    out: impl FnMut(Batch) -> Result<(), E>,
) -> Result<(), E> {
    let mut packer = Packer::new(out);
    while let Some((meta, target)) = walk.next_node() {
        packer.node(walk.path(), meta, &target, || walk.open())?;
        if meta.errno == 0 && walk.has_attributes(meta.kind) {
            packer.batch.attributes();
        }
    }
    packer.finish()
}

impl<E, F: FnMut(Batch) -> Result<(), E>> Packer<F> {
    /// Send batches to `out`.
    pub fn new(out: F) -> Self {
        Self { batch: Batch::with_room(), out, links: HashMap::new() }
    }

    /// Add a node, and the content that `open` gives when it is a file.
    ///
    /// # Errors
    /// What the receiver answers.
    pub fn node(
        &mut self,
        path: &[u8],
        mut meta: Meta,
        target: &[u8],
        open: impl FnOnce() -> Result<OwnedFd, Errno>,
    ) -> Result<(), E> {
        self.flush_when(self.batch.is_full())?;
        if meta.kind != Kind::File || meta.errno != 0 {
            self.batch.entry(path, &meta, target);
            return Ok(());
        }
        if meta.nlink > 1 {
            if let Some(first) = self.links.get(&meta.ino) {
                meta.kind = Kind::HardLink;
                self.batch.entry(path, &meta, first.as_bytes());
                return Ok(());
            }
            self.links.insert(meta.ino, error::owned(path));
        }
        if meta.size == 0 {
            self.batch.entry(path, &meta, b"");
            self.batch.end(0, false, 0);
            return Ok(());
        }
        match open() {
            Err(errno) => {
                // Another name of it cannot be a link to what is not there.
                self.links.remove(&meta.ino);
                meta.errno = node::number(errno);
                self.batch.entry(path, &meta, b"");
                Ok(())
            }
            Ok(file) => {
                self.batch.entry(path, &meta, b"");
                self.content(&file, &meta)
            }
        }
    }

    /// Send what is left.
    ///
    /// # Errors
    /// What the receiver answers.
    pub fn finish(mut self) -> Result<(), E> {
        self.flush_when(!self.batch.is_empty())
    }

    fn flush_when(&mut self, ready: bool) -> Result<(), E> {
        if ready {
            (self.out)(std::mem::replace(&mut self.batch, Batch::with_room()))
        } else {
            Ok(())
        }
    }

    /// The content of a file as long as it was when it was looked at, or as much of it as there is.
    fn content(&mut self, file: &OwnedFd, meta: &Meta) -> Result<(), E> {
        let mut size = meta.size;
        let mut failed = 0;
        let mut at = 0;
        // A file without holes costs no call to look for them.
        let has_holes = meta.blocks.saturating_mul(512) < meta.size;
        while at < size && failed == 0 {
            let stretch =
                if has_holes { sparse::data_at(file, at) } else { Ok(Some((at, u64::MAX))) };
            match stretch {
                Err(errno) => failed = node::number(errno),
                Ok(None) => break,
                Ok(Some((start, end))) => {
                    (at, failed) = self.stretch(file, start, end.min(size))?;
                    if at < end.min(size) {
                        // It is shorter now.
                        size = at.max(if failed == 0 { at } else { 0 });
                        break;
                    }
                }
            }
        }
        let now = rustix::fs::fstat(file).map(|stat| node::meta(&stat));
        let changed = !now.is_ok_and(|now| {
            (now.kind, now.ino, now.size, now.mtime, now.ctime)
                == (meta.kind, meta.ino, meta.size, meta.mtime, meta.ctime)
        });
        self.batch.end(size, changed, failed);
        Ok(())
    }

    /// Send the bytes from `at` to `end`: where it got to, and the error that ended it before.
    fn stretch(&mut self, file: &OwnedFd, mut at: u64, end: u64) -> Result<(u64, u16), E> {
        while at < end {
            self.flush_when(self.batch.data_room() < WORTH_LEN)?;
            let most = usize::try_from(end - at).unwrap_or(usize::MAX);
            let read = self.batch.data_by(at, |buffer| {
                let len = buffer.len();
                rustix::io::retry_on_intr(|| {
                    rustix::io::pread(file, rustix::buffer::spare_capacity(&mut *buffer), at)
                })?;
                buffer.truncate(len.saturating_add(most));
                Ok::<(), Errno>(())
            });
            match read {
                Ok(0) => return Ok((at, 0)),
                Ok(len) => at += len as u64,
                Err(errno) => return Ok((at, node::number(errno))),
            }
        }
        Ok((at, 0))
    }
}
