//! Records written: many of them in one frame.

use super::{
    ATTRIBUTES, Action, DATA, DIGEST, Digest, END, ENTRY, Expect, MAX_TARGET_LEN, Meta, PATH,
    Record, STEP, Step, Time,
};
use crate::frame::{self, FrameKind, HEADER_LEN};
use crate::limits::DATA_CHUNK_LEN;
use crate::tree_path::TreePath;

/// Bytes of a data record before its content.
const DATA_HEADER_LEN: usize = 13;

/// Records on their way into one frame, with room for the frame's header before them.
#[derive(Clone, Debug)]
pub struct Batch(pub(super) Vec<u8>);

impl Default for Batch {
    fn default() -> Self {
        Self(vec![0; HEADER_LEN])
    }
}

impl Batch {
    /// How full a batch should be before it is sent, in bytes.
    pub const FULL_LEN: usize = DATA_CHUNK_LEN;

    /// An empty one with room for a full frame.
    #[must_use]
    pub fn with_room() -> Self {
        let mut bytes = Vec::with_capacity(HEADER_LEN + Self::FULL_LEN + 2 * MAX_TARGET_LEN);
        bytes.resize(HEADER_LEN, 0);
        Self(bytes)
    }

    /// Whether nothing is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.len() == HEADER_LEN
    }

    /// Whether it should be sent before anything is added.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.0.len() >= HEADER_LEN + Self::FULL_LEN
    }

    /// The records.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.0[HEADER_LEN..]
    }

    /// The whole frame.
    #[must_use]
    pub fn into_frame(mut self, kind: FrameKind) -> Vec<u8> {
        let header = frame::header(kind, self.0.len() - HEADER_LEN);
        self.0[..HEADER_LEN].copy_from_slice(&header);
        self.0
    }

    /// Add a node; its path was checked, and its target is cut where no link can be that long.
    pub fn entry(&mut self, path: &[u8], meta: &Meta, target: &[u8]) {
        let target = &target[..target.len().min(MAX_TARGET_LEN)];
        self.0.push(ENTRY);
        self.meta(meta);
        self.short(path.len());
        self.short(target.len());
        self.0.extend_from_slice(path);
        self.0.extend_from_slice(target);
    }

    /// How much content one more record may take, in bytes; 0 when the batch should be sent first.
    #[must_use]
    pub fn data_room(&self) -> usize {
        (HEADER_LEN + Self::FULL_LEN).saturating_sub(self.0.len() + DATA_HEADER_LEN)
    }

    /// Add content of at most [`Batch::data_room`] bytes.
    pub fn data(&mut self, offset: u64, bytes: &[u8]) {
        let begun = self.begin_data(offset);
        self.0.extend_from_slice(bytes);
        self.end_data(begun);
    }

    /// Add content that `read` appends to the buffer: at most [`Batch::data_room`] bytes; nothing
    /// when it fails.
    ///
    /// # Errors
    /// What `read` says.
    pub fn data_by<E>(
        &mut self,
        offset: u64,
        read: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<usize, E> {
        let start = self.0.len();
        let begun = self.begin_data(offset);
        let outcome = read(&mut self.0);
        if outcome.is_err() || self.0.len() <= begun {
            self.0.truncate(start);
            return outcome.map(|()| 0);
        }
        self.end_data(begun);
        Ok(self.0.len() - begun)
    }

    fn begin_data(&mut self, offset: u64) -> usize {
        self.0.push(DATA);
        self.0.extend_from_slice(&offset.to_le_bytes());
        self.0.extend_from_slice(&[0; 4]);
        self.0.len()
    }

    fn end_data(&mut self, begun: usize) {
        let len = u32::try_from(self.0.len() - begun).unwrap_or(u32::MAX);
        self.0[begun - 4..begun].copy_from_slice(&len.to_le_bytes());
    }

    /// End a file.
    pub fn end(&mut self, size: u64, changed: bool, errno: u16) {
        self.0.extend_from_slice(&[END, u8::from(changed)]);
        self.0.extend_from_slice(&errno.to_le_bytes());
        self.0.extend_from_slice(&size.to_le_bytes());
    }

    /// Say that the node that was added last has extended attributes.
    pub fn attributes(&mut self) {
        self.0.push(ATTRIBUTES);
    }

    /// Add a path of a list.
    pub fn path(&mut self, path: &TreePath) {
        self.0.push(PATH);
        self.short(path.as_bytes().len());
        self.0.extend_from_slice(path.as_bytes());
    }

    /// Add a digest.
    pub fn digest(&mut self, digest: &Digest) {
        self.0.push(DIGEST);
        self.meta(&digest.meta);
        self.0.extend_from_slice(&digest.blake3);
    }

    /// Add a change.
    pub fn step(&mut self, step: &Step) {
        self.0.push(STEP);
        self.short(step.path.as_bytes().len());
        self.0.extend_from_slice(step.path.as_bytes());
        match step.expect {
            Expect::Any => self.0.push(0),
            Expect::Absent => self.0.push(1),
            Expect::Kind(kind) => self.0.extend_from_slice(&[2, kind as u8]),
            Expect::Same { kind, ino, size, mtime } => {
                self.0.extend_from_slice(&[3, kind as u8]);
                self.0.extend_from_slice(&ino.to_le_bytes());
                self.0.extend_from_slice(&size.to_le_bytes());
                self.time(mtime);
            }
        }
        match step.action {
            Action::Put => self.0.push(0),
            Action::Delete => self.0.push(1),
            Action::Set { mode, mtime } => {
                self.0.extend_from_slice(&[
                    2,
                    u8::from(mode.is_some()) | u8::from(mtime.is_some()) << 1,
                ]);
                self.0.extend_from_slice(&mode.unwrap_or(0).to_le_bytes());
                self.time(mtime.unwrap_or_default());
            }
        }
    }

    /// Add any record.
    pub fn record(&mut self, record: &Record<'_>) {
        match record {
            Record::Entry { path, meta, target } => self.entry(path, meta, target),
            Record::Data { offset, bytes } => self.data(*offset, bytes),
            Record::End { size, changed, errno } => self.end(*size, *changed, *errno),
            Record::Path(path) => {
                self.0.push(PATH);
                self.short(path.len());
                self.0.extend_from_slice(path);
            }
            Record::Digest(digest) => self.digest(digest),
            Record::Step(step) => self.step(step),
            Record::Attributes => self.attributes(),
        }
    }

    fn short(&mut self, len: usize) {
        self.0.extend_from_slice(&u16::try_from(len).unwrap_or(u16::MAX).to_le_bytes());
    }

    fn time(&mut self, time: Time) {
        self.0.extend_from_slice(&time.seconds.to_le_bytes());
        self.0.extend_from_slice(&time.nanoseconds.to_le_bytes());
    }

    fn meta(&mut self, meta: &Meta) {
        self.0.push(meta.kind as u8);
        self.0.extend_from_slice(&meta.errno.to_le_bytes());
        for word in [meta.mode, meta.uid, meta.gid, meta.nlink] {
            self.0.extend_from_slice(&word.to_le_bytes());
        }
        for long in [meta.size, meta.blocks, meta.ino] {
            self.0.extend_from_slice(&long.to_le_bytes());
        }
        self.time(meta.mtime);
        self.time(meta.ctime);
    }
}
