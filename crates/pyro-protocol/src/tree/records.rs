//! Records read: each checked as it is met.

use super::{
    ATTRIBUTES, Action, DATA, DIGEST, Digest, END, ENTRY, Expect, Kind, MAX_TARGET_LEN, Meta, PATH,
    Record, RecordError, STEP, Step, Time,
};
use crate::tree_path::{self, TreePath};

/// The records of one frame's payload, each checked as it is met; after an error there is nothing
/// more.
#[derive(Clone, Debug)]
pub struct Records<'a>(&'a [u8]);

impl<'a> Records<'a> {
    /// Read a payload.
    #[must_use]
    pub fn new(payload: &'a [u8]) -> Self {
        Self(payload)
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], RecordError> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(RecordError::Short)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], RecordError> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or(RecordError::Short)?;
        self.0 = rest;
        Ok(*taken)
    }

    fn byte(&mut self) -> Result<u8, RecordError> {
        Ok(self.array::<1>()?[0])
    }

    fn short(&mut self) -> Result<usize, RecordError> {
        Ok(usize::from(u16::from_le_bytes(self.array()?)))
    }

    fn word(&mut self) -> Result<u32, RecordError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn long(&mut self) -> Result<u64, RecordError> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    fn kind(&mut self) -> Result<Kind, RecordError> {
        let byte = self.byte()?;
        Kind::parse(byte).ok_or(RecordError::Unknown(byte))
    }

    fn flag(&mut self) -> Result<bool, RecordError> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(RecordError::Unknown(other)),
        }
    }

    fn time(&mut self) -> Result<Time, RecordError> {
        let time = Time { seconds: i64::from_le_bytes(self.array()?), nanoseconds: self.word()? };
        if time.nanoseconds < 1_000_000_000 { Ok(time) } else { Err(RecordError::Field) }
    }

    fn mode(&mut self) -> Result<u32, RecordError> {
        let mode = self.word()?;
        if mode <= 0o7777 { Ok(mode) } else { Err(RecordError::Field) }
    }

    fn meta(&mut self) -> Result<Meta, RecordError> {
        Ok(Meta {
            kind: self.kind()?,
            errno: u16::from_le_bytes(self.array()?),
            mode: self.mode()?,
            uid: self.word()?,
            gid: self.word()?,
            nlink: self.word()?,
            size: self.long()?,
            blocks: self.long()?,
            ino: self.long()?,
            mtime: self.time()?,
            ctime: self.time()?,
        })
    }

    fn path(&mut self, len: usize) -> Result<&'a [u8], RecordError> {
        let path = self.take(len)?;
        tree_path::check(path)?;
        Ok(path)
    }

    fn entry(&mut self) -> Result<Record<'a>, RecordError> {
        let meta = self.meta()?;
        let (path_len, target_len) = (self.short()?, self.short()?);
        let path = self.path(path_len)?;
        let target = self.take(target_len)?;
        let sound = match meta.kind {
            Kind::HardLink => !target.is_empty() && tree_path::check(target).is_ok(),
            Kind::Symlink => {
                target.len() <= MAX_TARGET_LEN
                    && !target.contains(&0)
                    && (!target.is_empty() || meta.errno != 0)
            }
            _ => target.is_empty(),
        };
        if sound { Ok(Record::Entry { path, meta, target }) } else { Err(RecordError::Field) }
    }

    fn step(&mut self) -> Result<Step, RecordError> {
        let len = self.short()?;
        let path = TreePath::parse(self.take(len)?)?;
        let expect = match self.byte()? {
            0 => Expect::Any,
            1 => Expect::Absent,
            2 => Expect::Kind(self.kind()?),
            3 => Expect::Same {
                kind: self.kind()?,
                ino: self.long()?,
                size: self.long()?,
                mtime: self.time()?,
            },
            other => return Err(RecordError::Unknown(other)),
        };
        let action = match self.byte()? {
            0 => Action::Put,
            1 => Action::Delete,
            2 => {
                let flags = self.byte()?;
                if flags > 3 {
                    return Err(RecordError::Unknown(flags));
                }
                let (mode, mtime) = (self.mode()?, self.time()?);
                Action::Set {
                    mode: (flags & 1 != 0).then_some(mode),
                    mtime: (flags & 2 != 0).then_some(mtime),
                }
            }
            other => return Err(RecordError::Unknown(other)),
        };
        Ok(Step { path, expect, action })
    }

    fn record(&mut self) -> Result<Record<'a>, RecordError> {
        Ok(match self.byte()? {
            ENTRY => return self.entry(),
            DATA => {
                let offset = self.long()?;
                let len = self.word()?;
                let bytes = self.take(usize::try_from(len).map_err(|_| RecordError::Short)?)?;
                let end = offset.checked_add(u64::from(len)).ok_or(RecordError::Field)?;
                if i64::try_from(end).is_err() {
                    return Err(RecordError::Field);
                }
                Record::Data { offset, bytes }
            }
            END => {
                let (changed, errno) = (self.flag()?, u16::from_le_bytes(self.array()?));
                let size = self.long()?;
                if i64::try_from(size).is_err() {
                    return Err(RecordError::Field);
                }
                Record::End { size, changed, errno }
            }
            PATH => {
                let len = self.short()?;
                Record::Path(self.path(len)?)
            }
            DIGEST => Record::Digest(Digest { meta: self.meta()?, blake3: self.array()? }),
            STEP => Record::Step(self.step()?),
            ATTRIBUTES => Record::Attributes,
            other => return Err(RecordError::Unknown(other)),
        })
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Record<'a>, RecordError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let record = self.record();
        if record.is_err() {
            self.0 = &[];
        }
        Some(record)
    }
}
