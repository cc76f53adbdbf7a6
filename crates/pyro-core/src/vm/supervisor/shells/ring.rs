//! `Ring`: the last bytes of a stream, found by their distance from its beginning.

use std::collections::VecDeque;

/// The last bytes of a stream. Positions count from the first byte that the stream ever had, so
/// they stay good while the ring moves on.
#[derive(Debug)]
pub(super) struct Ring {
    bytes: VecDeque<u8>,
    /// Position of the first byte that is still there.
    start: u64,
    max_len: usize,
}

impl Ring {
    /// Keep at most `max_len` bytes; room for them is taken as they come.
    pub(super) fn new(max_len: usize) -> Self {
        Self { bytes: VecDeque::new(), start: 0, max_len }
    }

    /// Add bytes; the oldest make room for them.
    pub(super) fn push(&mut self, new: &[u8]) {
        let surplus = (self.bytes.len() + new.len()).saturating_sub(self.max_len);
        let dropped = surplus.min(self.bytes.len());
        self.bytes.drain(..dropped);
        self.bytes.extend(&new[surplus - dropped..]);
        self.start += surplus as u64;
    }

    /// Position of the first byte that is still there.
    pub(super) fn start(&self) -> u64 {
        self.start
    }

    /// Position after the last byte that came.
    pub(super) fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }

    /// The bytes from one position up to another, of those that are there.
    pub(super) fn copy(&self, from: u64, to: u64) -> Vec<u8> {
        let index = |at: u64| {
            let at = at.clamp(self.start, self.end()) - self.start;
            usize::try_from(at).unwrap_or(self.bytes.len())
        };
        let (from, to) = (index(from), index(to));
        if from >= to {
            return Vec::new();
        }
        self.bytes.range(from..to).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    #[test]
    fn the_last_bytes_are_kept_at_their_positions() {
        let mut ring = Ring::new(8);
        ring.push(b"abc");
        assert_eq!((ring.start(), ring.end(), ring.copy(1, 9)), (0, 3, b"bc".to_vec()));
        ring.push(b"defghij");
        assert_eq!((ring.start(), ring.end(), ring.copy(0, 5)), (2, 10, b"cde".to_vec()));
        ring.push(b"0123456789ABCDEF");
        assert_eq!((ring.start(), ring.copy(0, u64::MAX)), (18, b"89ABCDEF".to_vec()));
        assert!(ring.copy(20, 19).is_empty() && ring.copy(99, 100).is_empty());
    }

    proptest! {
        #[test]
        fn it_is_the_end_of_what_came(
            pieces in vec(vec(any::<u8>(), 0..20), 0..20),
            from in 0u64..300,
            len in 0u64..300,
        ) {
            let mut ring = Ring::new(16);
            let mut all: Vec<u8> = Vec::new();
            for piece in &pieces {
                ring.push(piece);
                all.extend(piece);
            }
            prop_assert_eq!(ring.end(), all.len() as u64);
            prop_assert_eq!(ring.start(), all.len().saturating_sub(16) as u64);
            let index = |at: u64| (at.max(ring.start()) as usize).min(all.len());
            let (from_at, to_at) = (index(from), index(from + len));
            prop_assert_eq!(ring.copy(from, from + len), all[from_at..to_at.max(from_at)].to_vec());
        }
    }
}
