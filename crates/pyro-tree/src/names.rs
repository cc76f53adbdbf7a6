//! The names of one directory.

use rustix::fs::RawDir;
use rustix::io::Errno;
use std::mem::MaybeUninit;
use std::os::fd::BorrowedFd;

/// Bytes of directory entries taken at once.
const ENTRIES_LEN: usize = 32 * 1024;

/// Names that one directory may hold; more are an error of that directory, since they are sorted in
/// memory.
const MAX_NAMES: usize = 4_000_000;

/// The names of one directory, in few allocations.
pub struct Names {
    bytes: Vec<u8>,
    /// Start and length in `bytes`.
    names: Vec<(u32, u8)>,
    /// Whether the directory may hold more.
    has_more: bool,
}

impl Names {
    /// A directory's names, sorted by their bytes.
    ///
    /// # Errors
    /// The kernel's answer.
    pub fn of(dir: BorrowedFd<'_>) -> Result<Self, Errno> {
        let mut found = Self::part(dir, usize::MAX)?;
        let Self { bytes, names, .. } = &mut found;
        names.sort_unstable_by(|a, b| slice(bytes, *a).cmp(slice(bytes, *b)));
        Ok(found)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.names.iter().map(|name| slice(&self.bytes, *name))
    }

    /// Read on where the descriptor of a directory is, until there are `enough`; none are left
    /// where none are given.
    pub(crate) fn part(dir: BorrowedFd<'_>, enough: usize) -> Result<Self, Errno> {
        let mut found = Self { bytes: Vec::new(), names: Vec::new(), has_more: false };
        let mut buffer = vec![MaybeUninit::uninit(); ENTRIES_LEN];
        let mut entries = RawDir::new(dir, &mut buffer);
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if matches!(name, b"." | b"..") {
                continue;
            }
            let too_many = |_| Errno::OVERFLOW;
            let start = u32::try_from(found.bytes.len()).map_err(too_many)?;
            let len = u8::try_from(name.len()).map_err(|_| Errno::NAMETOOLONG)?;
            if found.names.len() == MAX_NAMES {
                return Err(Errno::OVERFLOW);
            }
            found.bytes.extend_from_slice(name);
            found.names.push((start, len));
            // What the kernel has given and nobody took would not be given again.
            if found.names.len() >= enough && entries.is_buffer_empty() {
                found.has_more = true;
                break;
            }
        }
        Ok(found)
    }

    /// Whether they are only a part of what the directory holds, as far as that is known.
    pub(crate) fn has_more(&self) -> bool {
        self.has_more
    }

    pub(crate) fn get(&self, index: usize) -> Option<&[u8]> {
        self.names.get(index).map(|name| slice(&self.bytes, *name))
    }

    /// Take the last name away.
    pub(crate) fn pop(&mut self) -> Option<Vec<u8>> {
        let name = self.names.pop()?;
        Some(slice(&self.bytes, name).to_vec())
    }

    /// Where `name` is, or would be.
    pub(crate) fn position(&self, name: &[u8]) -> Result<usize, usize> {
        self.names.binary_search_by(|item| slice(&self.bytes, *item).cmp(name))
    }
}

fn slice(bytes: &[u8], (start, len): (u32, u8)) -> &[u8] {
    &bytes[start as usize..start as usize + usize::from(len)]
}
