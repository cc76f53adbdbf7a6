//! What a filesystem says of itself, looked at before anybody believes it.
//!
//! A guest wrote it. The reader takes memory by what it says: a block of 2 GiB, or room for four
//! thousand million groups.

use super::fault::DiskFault;

/// Where it is on a disk, in bytes, and how long.
pub(super) const AT: u64 = 1024;
pub(super) const LEN: usize = 1024;

/// Largest block, as a power of two above 1 KiB: 64 KiB, as the kernel has it.
const MAX_BLOCK: u32 = 6;

/// Most groups of blocks: those of a disk of 8 TiB.
const MAX_GROUPS: u64 = 1 << 16;

/// Feature bits: numbers of blocks have 64 bits; the journal is to be replayed.
const WIDE: u32 = 0x80;
const RECOVERY: u32 = 0x4;

/// What is known of a filesystem that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Superblock {
    /// Its journal holds changes that are not in place yet: it was not unmounted.
    pub(super) needs_recovery: bool,
}

impl Superblock {
    /// Of its bytes on a disk of `size` bytes.
    ///
    /// # Errors
    /// [`DiskFault::Unreadable`] for one that no mkfs makes.
    pub(super) fn parse(bytes: &[u8; LEN], size: u64) -> Result<Self, DiskFault> {
        let bad = |why: &str| Err(DiskFault::Unreadable(why.to_owned()));
        let word = |at: usize| {
            let word = bytes[at..].first_chunk().copied().unwrap_or_default();
            u32::from_le_bytes(word)
        };
        if bytes[0x38..0x3a] != [0x53, 0xef] {
            return bad("there is no ext4 filesystem on the disk");
        }
        let (features, log_block, per_group) = (word(0x60), word(0x18), u64::from(word(0x20)));
        if log_block > MAX_BLOCK || per_group == 0 {
            return bad("its blocks are larger than there are");
        }
        let high = if features & WIDE == 0 { 0 } else { word(0x150) };
        let blocks = u64::from(high) << 32 | u64::from(word(0x4));
        if blocks > size >> (10 + log_block) {
            return bad("it is larger than the disk");
        }
        if blocks / per_group > MAX_GROUPS {
            return bad("it has more groups of blocks than there are");
        }
        Ok(Self { needs_recovery: features & RECOVERY != 0 })
    }
}
