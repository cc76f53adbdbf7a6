//! What a hunk met instead of its lines.

use super::image::Image;
use super::locate::{Wanted, lines_match, nearest};
use crate::workspace::git::text::printable;
use crate::workspace::patch::budget::Budget;
use crate::workspace::patch::model::{Hunk, Line};
use crate::workspace::patch::reject::{HunkReject, Note};

/// Longest line that is quoted, in bytes.
const QUOTED: usize = 160;

/// Steps to spend on saying what is wrong: it is not worth the search itself.
const STEPS: u64 = 1 << 24;

/// The reject of a hunk that has no place.
pub(super) fn reject(
    image: &Image<'_>,
    hunk: &Hunk<'_>,
    number: usize,
    wanted: &Wanted<'_>,
    new_ids: &[u32],
) -> Box<HunkReject> {
    let mut budget = Budget::new(STEPS);
    let place = best_place(image, wanted, &mut budget);
    let old: Vec<Line<'_>> = hunk.old_lines().collect();
    let differs = |at: usize| image.get(place + at).is_none_or(|slot| slot.patched || slot.line != old[at]);
    let first = (0..old.len()).find(|at| differs(*at)).unwrap_or(old.len());
    let (expected, found) = (old.get(first).copied(), image.get(place + first).map(|slot| slot.line));
    let note = note(image, wanted, new_ids, &mut budget).or_else(|| line_endings(expected?, found?));
    Box::new(HunkReject {
        number,
        header: hunk.header.clone(),
        patch_line: hunk.line,
        line: place + first + 1,
        expected: expected.map(shown),
        found: found.map(shown),
        note,
    })
}

fn shown(line: Line<'_>) -> String {
    let text = printable(line.text, QUOTED);
    if line.newline { text } else { text + "\\ no newline" }
}

/// Where most of its lines are; where none is, the place that the hunk names.
fn best_place(image: &Image<'_>, wanted: &Wanted<'_>, budget: &mut Budget) -> usize {
    let stated = wanted.start.min(image.len());
    let mut best = (0, stated);
    // Going out of steps leaves the best so far.
    let _ = nearest(stated, image.len(), |at| {
        budget.spend(wanted.ids.len())?;
        let slots = wanted.ids.iter().enumerate().filter_map(|(offset, id)| Some((image.get(at + offset)?, id)));
        let score = slots.filter(|(slot, id)| slot.id == **id && !slot.patched).count();
        if score > best.0 {
            best = (score, at);
        }
        Ok::<_, crate::workspace::patch::budget::Spent>(false)
    });
    best.1
}

fn note(image: &Image<'_>, wanted: &Wanted<'_>, new_ids: &[u32], budget: &mut Budget) -> Option<Note> {
    let mut place = |ids: &[u32], patched: bool| {
        let last = image.len().checked_sub(ids.len()).filter(|_| !ids.is_empty())?;
        let found = nearest(wanted.start, last, |at| lines_match(image, ids, at, patched, budget));
        found.ok().flatten().map(|at| at + 1)
    };
    if wanted.ids.is_empty() {
        let applied = place(new_ids, false).map(|line| Note::Applied { line });
        return applied.or((image.len() > 0).then_some(Note::NoContext));
    }
    if let Some(line) = place(new_ids, false).filter(|_| new_ids.len() > wanted.ids.len()) {
        return Some(Note::Applied { line });
    }
    if let Some(line) = place(wanted.ids, false) {
        return Some(Note::Edge { line, end: wanted.end });
    }
    if let Some(line) = place(wanted.ids, true) {
        return Some(Note::Overlap { line });
    }
    place(new_ids, false).map(|line| Note::Applied { line })
}

fn line_endings(expected: Line<'_>, found: Line<'_>) -> Option<Note> {
    let bare = |line: Line<'_>| line.text.strip_suffix(b"\r").unwrap_or(line.text).to_vec();
    (expected != found && bare(expected) == bare(found) && expected.newline == found.newline)
        .then_some(Note::LineEndings)
}
