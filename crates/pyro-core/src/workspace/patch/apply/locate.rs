//! Where a hunk belongs: the nearest place that holds its lines, as `git apply` looks for it.

use super::image::Image;
use crate::workspace::patch::budget::{Budget, Spent};

/// What is looked for, and where.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'i> {
    /// The lines, by their ids.
    pub(super) ids: &'i [u32],
    /// Where the hunk says it is, from zero.
    pub(super) start: usize,
    /// Whether it fits only at the first line.
    pub(super) begin: bool,
    /// Whether it fits only at the last line.
    pub(super) end: bool,
}

/// The place, or none.
pub(super) fn locate(image: &Image<'_>, wanted: &Wanted<'_>, budget: &mut Budget) -> Result<Option<usize>, Spent> {
    let Some(last) = image.len().checked_sub(wanted.ids.len()) else { return Ok(None) };
    let matches = |at: usize, budget: &mut Budget| lines_match(image, wanted.ids, at, false, budget);
    match (wanted.begin, wanted.end) {
        (true, true) if last > 0 => Ok(None),
        (true, _) => Ok(matches(0, budget)?.then_some(0)),
        (_, true) => Ok(matches(last, budget)?.then_some(last)),
        _ => nearest(wanted.start, last, |at| matches(at, budget)),
    }
}

/// The nearest of `0..=last` to `start` that is right; of two equally near ones the later.
pub(super) fn nearest<E>(
    start: usize,
    last: usize,
    mut is_right: impl FnMut(usize) -> Result<bool, E>,
) -> Result<Option<usize>, E> {
    if start <= last && is_right(start)? {
        return Ok(Some(start));
    }
    // Where the start is far behind the end, the way to the end is not walked.
    let first = start.saturating_sub(last).max(1);
    for distance in first..=start.max(last) {
        let after = start.checked_add(distance).filter(|at| *at <= last);
        let before = start.checked_sub(distance).filter(|at| *at <= last);
        for at in [after, before].into_iter().flatten() {
            if is_right(at)? {
                return Ok(Some(at));
            }
        }
    }
    Ok(None)
}

/// Whether lines are at a place, untouched by other hunks, or `patched` or not.
pub(super) fn lines_match(
    image: &Image<'_>,
    ids: &[u32],
    at: usize,
    patched: bool,
    budget: &mut Budget,
) -> Result<bool, Spent> {
    for (offset, id) in ids.iter().enumerate() {
        budget.spend(1)?;
        let fits = image.get(at + offset).is_some_and(|slot| slot.id == *id && (patched || !slot.patched));
        if !fits {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn the_nearest_place_wins_and_the_later_of_two() {
        let find = |start, last, right: &[usize]| nearest(start, last, |at| Ok::<_, ()>(right.contains(&at))).unwrap();
        assert_eq!(find(5, 9, &[5, 6]), Some(5));
        assert_eq!(find(5, 9, &[4, 6]), Some(6));
        assert_eq!(find(5, 9, &[0]), Some(0));
        assert_eq!(find(5, 9, &[9]), Some(9));
        assert_eq!(find(0, 9, &[9]), Some(9));
        assert_eq!(find(4_000_000_000, 3, &[1, 2]), Some(2));
        assert_eq!(find(5, 3, &[3]), Some(3));
        assert_eq!(find(0, 0, &[]), None);
    }
}
