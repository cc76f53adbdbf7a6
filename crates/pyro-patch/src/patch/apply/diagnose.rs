//! What a hunk met instead of its lines.

use super::image::{Image, Slot, lines};
use super::locate::{Miss, lines_match, nearest};
use crate::git::text::printable;
use crate::patch::budget::{Budget, Spent};
use crate::patch::model::{Hunk, Line, Mark, Place};
use crate::patch::reject::{HunkReject, Note};
use std::borrow::Cow;

/// Longest line that is quoted, in bytes.
const QUOTED: usize = 160;

/// Most lines of a file that a reject shows.
const SHOWN: usize = 12;

/// Steps to spend on saying what is wrong: it is not worth the search itself.
const STEPS: u64 = 1 << 24;

/// A hunk without a place, and what it should have been applied to.
#[derive(Clone, Copy)]
pub(super) struct Met<'m, 'a> {
    pub(super) image: &'m Image<'a>,
    /// The file as it is, without the hunks before.
    pub(super) old: &'m [u8],
    pub(super) hunk: &'m Hunk<'m>,
    /// Which hunk of the file, from one.
    pub(super) number: usize,
    /// Its old lines, by their ids.
    pub(super) ids: &'m [u32],
    /// Where it is by its header, from zero.
    pub(super) stated: usize,
}

/// The reject of a hunk that has no place.
pub(super) fn reject(met: &Met<'_, '_>, new_ids: &[u32], miss: Miss) -> Box<HunkReject> {
    let mut budget = Budget::new(STEPS);
    let old: Vec<Line<'_>> = met.hunk.old_lines().collect();
    let (note, place) = met.note(&old, new_ids, miss, &mut budget);
    let place = place.unwrap_or_else(|| met.best_place(&mut budget));
    let differs = |at: usize| {
        met.image.get(place + at).is_none_or(|slot| slot.patched || slot.line != old[at])
    };
    let first = (0..old.len()).find(|at| differs(*at)).unwrap_or(0);
    let line = met.line_of(place + first);
    let (excerpt_from, excerpt) = met.excerpt(line.saturating_sub(first), old.len(), line);
    Box::new(HunkReject {
        number: met.number,
        header: met.hunk.header.clone(),
        patch_line: met.hunk.line,
        line,
        expected: old.get(first).copied().map(shown),
        found: met.image.get(place + first).map(|slot| shown(slot.line)),
        note,
        excerpt_from,
        excerpt,
    })
}

fn shown(line: Line<'_>) -> String {
    let text = printable(line.text, QUOTED);
    if line.newline { text } else { text + "\\ no newline" }
}

impl Met<'_, '_> {
    /// What may have gone wrong, and where that was seen.
    fn note(
        &self,
        old: &[Line<'_>],
        new_ids: &[u32],
        miss: Miss,
        budget: &mut Budget,
    ) -> (Option<Note>, Option<usize>) {
        let adds = self.hunk.lines.iter().any(|(mark, _)| *mark == Mark::Added);
        let mut place = |ids: &[u32], patched: bool| {
            let last = self.image.len().checked_sub(ids.len()).filter(|_| !ids.is_empty())?;
            nearest(self.stated, last, |at| lines_match(self.image, ids, at, patched, budget))
                .ok()
                .flatten()
        };
        let applied = if adds || new_ids.len() > 1 { place(new_ids, false) } else { None };
        let note = |at: usize| Some(Note::Applied { line: self.line_of(at) });
        match (miss, applied) {
            (Miss::Several(places), _) => {
                let lines = places.iter().map(|at| self.line_of(*at)).collect();
                return (Some(Note::Several { lines }), places.first().copied());
            }
            (Miss::Anchor(anchor), _) => return (Some(Note::Anchor { anchor }), None),
            (Miss::NoContext, Some(at)) => return (note(at), Some(at)),
            (Miss::NoContext, None) => {
                return (Some(Note::NoContext), Some(self.stated.min(self.image.len())));
            }
            (Miss::Nowhere, Some(at)) if new_ids.len() > self.ids.len() => return (note(at), None),
            (Miss::Nowhere, _) if matches!(self.hunk.place, Place::Text { at_end: true, .. }) => {
                if let Some(at) = place(self.ids, false) {
                    return (Some(Note::NotAtEnd { line: self.line_of(at) }), Some(at));
                }
            }
            (Miss::Nowhere, applied) => {
                if let Some(at) = place(self.ids, true) {
                    return (Some(Note::Overlap { line: self.line_of(at) }), Some(at));
                }
                if let Some(at) = applied {
                    return (note(at), None);
                }
            }
        }
        let found = ALIKE
            .iter()
            .find_map(|(note, alike)| Some((note.clone(), self.alike(old, *alike, budget)?)));
        found.map_or((None, None), |(note, at)| (Some(note), Some(at)))
    }

    /// Where all of its lines are, as `alike` sees them.
    fn alike(&self, old: &[Line<'_>], alike: Alike, budget: &mut Budget) -> Option<usize> {
        let last = self.image.len().checked_sub(old.len())?;
        let is_at = |at: usize| {
            for (offset, line) in old.iter().enumerate() {
                budget.spend(1 + line.text.len() / 16)?;
                if !self.image.get(at + offset).is_some_and(|slot| alike(line, slot)) {
                    return Ok(false);
                }
            }
            Ok::<_, Spent>(true)
        };
        nearest(self.stated, last, is_at).ok().flatten()
    }

    /// Where most of its lines are; where none is, the place that the hunk names.
    fn best_place(&self, budget: &mut Budget) -> usize {
        let stated = self.stated.min(self.image.len());
        let mut best = (0, stated);
        // Going out of steps leaves the best so far.
        let _ = nearest(stated, self.image.len(), |at| {
            budget.spend(self.ids.len())?;
            let slots = self
                .ids
                .iter()
                .enumerate()
                .filter_map(|(offset, id)| Some((self.image.get(at + offset)?, id)));
            let score = slots.filter(|(slot, id)| slot.id == **id && !slot.patched).count();
            if score > best.0 {
                best = (score, at);
            }
            Ok::<_, Spent>(false)
        });
        best.1
    }

    /// The line of the file, from one, that is at a place of the image.
    fn line_of(&self, at: usize) -> usize {
        let mut numbers = (at..self.image.len())
            .filter_map(|at| self.image.get(at))
            .map(|slot| slot.number as usize);
        numbers.find(|number| *number > 0).unwrap_or_else(|| lines(self.old).count() + 1)
    }

    /// The lines of the file where the hunk would be, one more at both ends, around `line` when
    /// they are many.
    fn excerpt(&self, first: usize, count: usize, line: usize) -> (usize, Vec<String>) {
        let (mut from, mut count) = (first.saturating_sub(1).max(1), count + 2);
        if count > SHOWN {
            (from, count) = (from.max(line.saturating_sub(SHOWN / 2)), SHOWN);
        }
        let shown = lines(self.old).skip(from - 1).take(count).map(|line| {
            // A tab must be seen as one: what is shown is what the hunk must hold.
            let (text, cut) = line.text.split_at(line.text.len().min(QUOTED));
            let parts: Vec<_> =
                text.split(|byte| *byte == b'\t').map(|part| printable(part, QUOTED)).collect();
            parts.join("\t") + if cut.is_empty() { "" } else { "…" }
        });
        (from, shown.collect())
    }
}

type Alike = fn(&Line<'_>, &Slot<'_>) -> bool;

/// In what lines may differ that a reader does not see.
const ALIKE: [(Note, Alike); 4] = [
    (Note::FileHasCrlf, |line, slot| slot.line.text.strip_suffix(b"\r") == Some(line.text)),
    (Note::PatchHasCrlf, |line, slot| line.text.strip_suffix(b"\r") == Some(slot.line.text)),
    (Note::NoNewline, |line, slot| line.text == slot.line.text),
    (Note::WhiteSpace, |line, slot| squeezed(line.text) == squeezed(slot.line.text)),
];

/// A line without its white space.
fn squeezed(text: &[u8]) -> Cow<'_, [u8]> {
    if text.iter().any(u8::is_ascii_whitespace) {
        text.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect::<Vec<_>>().into()
    } else {
        text.into()
    }
}
