//! The rest of a value at the beginning of a text whose own beginning was cut off.

use super::forms::{Form, is_blank, unescaped};

/// Most bytes of a value's beginning or end that may be shown without the rest of it.
const MAX_SHOWN: usize = 8;

/// How much of a form of this length may be shown without the rest of it.
pub(super) fn shown_len(form_len: usize) -> usize {
    MAX_SHOWN.min(form_len / 4)
}

/// Bytes at the beginning of `bytes` that are the end of some form, unless so few that they may be
/// shown.
pub(super) fn rest_len(forms: &[Form], bytes: &[u8]) -> usize {
    let longest = forms.iter().map(|form| form.len()).max().unwrap_or(0);
    // A cut may also go through an escape.
    let hex = bytes.iter().take(2).take_while(|byte| byte.is_ascii_hexdigit()).count();
    let escaped = (0..=hex).map(|skipped| Counted::unescaped(bytes, skipped, longest));
    let readings = escaped.chain([Counted::plain(bytes, longest)]);
    readings.map(|reading| reading.rest_len(forms)).max().unwrap_or(0)
}

/// The bytes of a text that count, and where each of them ends.
struct Counted {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Counted {
    fn plain(bytes: &[u8], most: usize) -> Self {
        Self::of(bytes.iter().copied().zip(1..), most)
    }

    fn unescaped(bytes: &[u8], skipped: usize, most: usize) -> Self {
        let mut at = skipped;
        let next = std::iter::from_fn(|| {
            let (byte, len) = unescaped(bytes.get(at..)?)?;
            at += len;
            Some((byte, at))
        });
        Self::of(next, most)
    }

    fn of(bytes: impl Iterator<Item = (u8, usize)>, most: usize) -> Self {
        let counting = bytes.filter(|(byte, _)| !is_blank(*byte)).take(most);
        let (bytes, ends) = counting.unzip();
        Self { bytes, ends }
    }

    fn rest_len(&self, forms: &[Form]) -> usize {
        let rest = |form: &Form| {
            let mut lens = (shown_len(form.len()) + 1..form.len()).rev();
            lens.find(|len| self.bytes.starts_with(&form[form.len() - len..]))
        };
        let longest = forms.iter().filter_map(rest).max();
        longest.map_or(0, |len| self.ends[len - 1])
    }
}
