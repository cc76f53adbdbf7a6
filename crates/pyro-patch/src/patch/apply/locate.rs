//! Where a hunk belongs: where its header says, or at the only place that holds its lines.

use super::image::Image;
use crate::patch::budget::{Budget, Spent};
use crate::patch::model::{Hunk, Place};

/// Places that are named when there are several.
const NAMED: usize = 3;

/// What is looked for.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'h, 'i> {
    pub(super) hunk: &'h Hunk<'h>,
    /// Its old lines, by their ids.
    pub(super) ids: &'i [u32],
    /// Whether the patch takes the file for an empty one.
    pub(super) may_create: bool,
}

/// Why there is no place.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Miss {
    /// Its lines are nowhere, or not where they must be.
    Nowhere,
    /// They are at these places, from zero, and nothing says which is meant.
    Several(Vec<usize>),
    /// It has no lines that could be looked for, and no place where they go.
    NoContext,
    /// No line reads as the one that should stand before it.
    Anchor(String),
}

/// The hunks that were applied to a file.
#[derive(Default)]
pub(super) struct Done {
    /// By how much each moved the lines behind it, by the line that it begins at.
    moved: Vec<(usize, isize)>,
    /// The sum.
    total: isize,
    /// The highest of those lines.
    highest: usize,
    /// How far the last one was from where its header said.
    drift: isize,
    /// Where the last one ended, from zero.
    end: usize,
}

impl Done {
    /// Where a hunk is by its header, from zero, when those before it were where they should be.
    pub(super) fn stated(&self, hunk: &Hunk<'_>) -> usize {
        let Place::Line { start, .. } = hunk.place else { return self.end };
        let lines_above =
            if hunk.old_lines().next().is_none() { start } else { start.saturating_sub(1) };
        let moved = if start >= self.highest {
            self.total
        } else {
            self.moved.iter().filter(|(above, _)| *above <= start).map(|(_, by)| by).sum()
        };
        lines_above.saturating_add_signed(moved)
    }

    pub(super) fn add(&mut self, hunk: &Hunk<'_>, at: usize, old: usize, new: usize) {
        if let Place::Line { start, .. } = hunk.place {
            self.drift = at.cast_signed() - self.stated(hunk).cast_signed();
            let by = new.cast_signed() - old.cast_signed();
            self.moved.push((start, by));
            self.total += by;
            self.highest = self.highest.max(start);
        }
        self.end = at + new;
    }
}

/// The place, from zero, or why there is none.
pub(super) fn locate(
    image: &Image<'_>,
    wanted: &Wanted<'_, '_>,
    done: &Done,
    budget: &mut Budget,
) -> Result<Result<usize, Miss>, Spent> {
    match &wanted.hunk.place {
        Place::Line { count, .. } if wanted.ids.is_empty() => {
            Ok(insertion(image, wanted, *count, done))
        }
        Place::Line { .. } => by_line(image, wanted, done, budget),
        Place::Text { at_end, .. } if wanted.ids.is_empty() => {
            Ok(if *at_end || image.len() == 0 { Ok(image.len()) } else { Err(Miss::NoContext) })
        }
        Place::Text { at_end: true, .. } => {
            let last = image.len().checked_sub(wanted.ids.len());
            let Some(last) = last else { return Ok(Err(Miss::Nowhere)) };
            Ok(if lines_match(image, wanted.ids, last, false, budget)? {
                Ok(last)
            } else {
                Err(Miss::Nowhere)
            })
        }
        Place::Text { anchors, .. } => by_text(image, wanted, anchors, done, budget),
    }
}

/// Lines without context go where the header says, once nothing makes its number doubtful.
fn insertion(
    image: &Image<'_>,
    wanted: &Wanted<'_, '_>,
    count: usize,
    done: &Done,
) -> Result<usize, Miss> {
    let at = done.stated(wanted.hunk);
    let whole_line =
        at.checked_sub(1).and_then(|above| image.get(above)).is_none_or(|slot| slot.line.newline);
    let sure = count == 0 && done.drift == 0 && at <= image.len() && whole_line;
    if image.len() == 0 && at == 0 || sure && !wanted.may_create {
        Ok(at)
    } else {
        Err(Miss::NoContext)
    }
}

fn by_line(
    image: &Image<'_>,
    wanted: &Wanted<'_, '_>,
    done: &Done,
    budget: &mut Budget,
) -> Result<Result<usize, Miss>, Spent> {
    let stated = done.stated(wanted.hunk);
    let mut is_at = |at: usize| lines_match(image, wanted.ids, at, false, budget);
    if is_at(stated)? {
        // The hunk before was elsewhere than its header said: this one may be off as far.
        let drifted = stated.checked_add_signed(done.drift).filter(|at| *at != stated);
        return Ok(match drifted {
            Some(drifted) if is_at(drifted)? => Err(Miss::Several(vec![stated, drifted])),
            _ => Ok(stated),
        });
    }
    Ok(only(places(image, wanted.ids, 0, NAMED, budget)?))
}

fn by_text(
    image: &Image<'_>,
    wanted: &Wanted<'_, '_>,
    anchors: &[&[u8]],
    done: &Done,
    budget: &mut Budget,
) -> Result<Result<usize, Miss>, Spent> {
    let mut from = done.end;
    let mut missing = None;
    for anchor in anchors {
        match anchored(image, anchor, from, budget)? {
            Some(at) => from = at,
            None => missing = missing.or(Some(anchor)),
        }
    }
    let behind = places(image, wanted.ids, from, NAMED, budget)?;
    if let (false, None, Some(first)) = (anchors.is_empty(), missing, behind.first()) {
        return Ok(Ok(*first));
    }
    let found =
        if behind.is_empty() { places(image, wanted.ids, 0, NAMED, budget)? } else { behind };
    // An anchor that is not there does not matter where the lines are at one place only.
    Ok(match (only(found), missing) {
        (Err(_), Some(anchor)) => Err(Miss::Anchor(crate::git::text::printable(anchor, 120))),
        (found, _) => found,
    })
}

fn only(places: Vec<usize>) -> Result<usize, Miss> {
    match places.as_slice() {
        [] => Err(Miss::Nowhere),
        [only] => Ok(*only),
        _ => Err(Miss::Several(places)),
    }
}

/// The first line from `from` on that reads as an anchor; one that differs only by white space
/// around it if there is no other.
fn anchored(
    image: &Image<'_>,
    anchor: &[u8],
    from: usize,
    budget: &mut Budget,
) -> Result<Option<usize>, Spent> {
    let mut alike = None;
    for at in from..image.len() {
        budget.spend(1 + anchor.len() / 32)?;
        let Some(slot) = image.get(at) else { break };
        if slot.line.text == anchor {
            return Ok(Some(at));
        }
        if alike.is_none() && slot.line.text.trim_ascii() == anchor.trim_ascii() {
            alike = Some(at);
        }
    }
    Ok(alike)
}

/// The first places from `from` on that hold these lines.
fn places(
    image: &Image<'_>,
    ids: &[u32],
    from: usize,
    most: usize,
    budget: &mut Budget,
) -> Result<Vec<usize>, Spent> {
    let mut found = Vec::new();
    let Some(last) = image.len().checked_sub(ids.len()) else { return Ok(found) };
    for at in from..=last {
        if lines_match(image, ids, at, false, budget)? {
            found.push(at);
            if found.len() == most {
                break;
            }
        }
    }
    Ok(found)
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
        let fits =
            image.get(at + offset).is_some_and(|slot| slot.id == *id && (patched || !slot.patched));
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
        let find = |start, last, right: &[usize]| {
            nearest(start, last, |at| Ok::<_, ()>(right.contains(&at))).unwrap()
        };
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
