//! git's delta: copy from the old content, or insert.

use crate::patch::limits::FILE_BYTES;

/// Make the new content; none when the instructions are for another content, or damaged.
pub(super) fn apply(old: &[u8], delta: &[u8]) -> Option<Vec<u8>> {
    let mut rest = delta;
    let old_size = size(&mut rest)?;
    let new_size = size(&mut rest).filter(|size| *size <= FILE_BYTES)?;
    if old_size != old.len() {
        return None;
    }
    let mut new = Vec::new();
    while let Some((op, after)) = rest.split_first() {
        rest = after;
        let part = match op {
            0 => return None,
            1..=127 => {
                let (part, after) = rest.split_at_checked(usize::from(*op))?;
                rest = after;
                part
            }
            _ => {
                let start = number(&mut rest, *op, 4)?;
                let length = match number(&mut rest, *op >> 4, 3)? {
                    0 => 0x10000,
                    length => length,
                };
                old.get(start..start.checked_add(length)?)?
            }
        };
        if new.len() + part.len() > new_size {
            return None;
        }
        new.extend_from_slice(part);
    }
    (new.len() == new_size).then_some(new)
}

/// A size: seven bits a byte, the lowest first.
fn size(rest: &mut &[u8]) -> Option<usize> {
    let mut value = 0;
    for shift in (0..63).step_by(7) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        value |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// A number of those bytes that the low bits of `which` say are there.
fn number(rest: &mut &[u8], which: u8, bytes: u32) -> Option<usize> {
    let mut value = 0;
    for at in (0..bytes).filter(|at| which >> at & 1 == 1) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        value |= usize::from(*byte) << (8 * at);
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::apply;

    #[test]
    fn deltas_copy_and_insert_within_bounds() {
        let old = b"hello world";
        for (delta, new) in [
            // Copy 5 from 6, insert "!".
            (&[11, 6, 0x91, 6, 5, 1, b'!'][..], Some(&b"world!"[..])),
            (&[11, 0], Some(b"")),
            // For another size, beyond the end, longer than said, shorter than said, cut short,
            // reserved.
            (&[10, 0], None),
            (&[11, 5, 0x91, 7, 5], None),
            (&[11, 4, 0x91, 6, 5], None),
            (&[11, 6, 0x91, 6, 5], None),
            (&[11, 5, 0x91, 6], None),
            (&[11, 5, 5, b'a'], None),
            (&[11, 1, 0], None),
            (&[0xff; 12], None),
            (&[], None),
        ] {
            assert_eq!(apply(old, delta).as_deref(), new, "{delta:?}");
        }
    }
}
