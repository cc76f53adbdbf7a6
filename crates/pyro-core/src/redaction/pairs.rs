//! `Pairs`: the two bytes that some value may begin with, by which most of a text is passed over.

use super::forms::{Form, is_blank, unescaped};

/// Pairs of bytes with which a value may begin in a text.
pub(super) struct Pairs {
    /// A bit for each pair.
    pairs: Box<[u64; 1024]>,
    /// A bit for each byte that is the first of some pair.
    first: [u64; 4],
    undoes_escapes: bool,
}

impl Pairs {
    /// Those of these forms; escapes may stand for any byte where they are undone.
    pub(super) fn new(forms: &[Form], undoes_escapes: bool) -> Self {
        let mut all = Self { pairs: Box::new([0; 1024]), first: [0; 4], undoes_escapes };
        let blanks = (0..=u8::MAX).filter(|byte| is_blank(*byte));
        let between: Vec<u8> = blanks.chain(undoes_escapes.then_some(b'%')).collect();
        for form in forms {
            let seconds = form.get(1).into_iter().chain(&between);
            seconds.for_each(|second| all.add(form[0], *second));
        }
        if undoes_escapes {
            (0..=u8::MAX).for_each(|second| all.add(b'%', second));
        }
        all
    }

    fn add(&mut self, first: u8, second: u8) {
        let pair = usize::from(first) << 8 | usize::from(second);
        self.pairs[pair / 64] |= 1 << (pair % 64);
        self.first[usize::from(first) / 64] |= 1 << (first % 64);
    }

    fn has(&self, first: u8, second: u8) -> bool {
        let pair = usize::from(first) << 8 | usize::from(second);
        self.pairs[pair / 64] >> (pair % 64) & 1 != 0
    }

    fn has_first(&self, first: u8) -> bool {
        self.first[usize::from(first) / 64] >> (first % 64) & 1 != 0
    }

    /// Bytes at the beginning of a text at which no value begins.
    pub(super) fn skip(&self, bytes: &[u8]) -> usize {
        let mut at = 0;
        loop {
            at += self.to_pair(&bytes[at..]);
            match self.misleading(&bytes[at..]) {
                0 => return at,
                len => at += len,
            }
        }
    }

    /// Bytes before the first pair; nearly all bytes of a text are passed over here.
    fn to_pair(&self, bytes: &[u8]) -> usize {
        let Some(mut before) = bytes.first().copied() else { return 0 };
        for (at, byte) in bytes[1..].iter().enumerate() {
            if self.has(before, *byte) {
                return at;
            }
            before = *byte;
        }
        bytes.len() - usize::from(self.has_first(before))
    }

    /// Bytes at the beginning that are no value's after all: an escape of another byte, or one
    /// whose next is another behind blanks.
    fn misleading(&self, bytes: &[u8]) -> usize {
        let [first, rest @ ..] = bytes else { return 0 };
        if self.undoes_escapes && *first == b'%' {
            return match unescaped(bytes) {
                Some((byte, len @ 3)) if !self.has_first(byte) => len,
                _ => 0,
            };
        }
        match rest.iter().find(|byte| !is_blank(**byte)) {
            Some(second) if !self.has(*first, *second) => 1,
            _ => 0,
        }
    }
}
