//! Hunks on lines.

use super::diagnose;
use super::image::{Image, Slot, lines};
use super::locate::{Wanted, locate};
use crate::workspace::patch::budget::Budget;
use crate::workspace::patch::limits::FILE_LINES;
use crate::workspace::patch::model::{Hunk, Line, Mark};
use crate::workspace::patch::reject::Reason;
use std::collections::HashMap;

/// Every hunk on a content, or the first one that does not fit.
pub(super) fn apply(old: &[u8], hunks: &[Hunk<'_>], budget: &mut Budget) -> Result<Vec<u8>, Reason> {
    let ids = Ids::of(hunks);
    if old.iter().filter(|byte| **byte == b'\n').count() > FILE_LINES {
        return Err(Reason::TooLarge);
    }
    let mut image = Image::new(lines(old).map(|line| Slot { line, id: ids.get(&line), patched: false }));
    for (index, hunk) in hunks.iter().enumerate() {
        let wanted_ids: Vec<u32> = hunk.old_lines().map(|line| ids.get(&line)).collect();
        let wanted = wanted(hunk, &wanted_ids);
        let found = if wanted_ids.is_empty() {
            insertion(&image, &wanted)
        } else {
            locate(&image, &wanted, budget).map_err(|_| Reason::TooMuchWork)?
        };
        let Some(at) = found else {
            let new_ids: Vec<u32> = hunk.new_lines().map(|line| ids.get(&line)).collect();
            return Err(diagnose::reject(&image, hunk, index + 1, &wanted, &new_ids).into());
        };
        let slots = hunk.new_lines().map(|line| Slot { line, id: ids.get(&line), patched: true });
        image.replace(at, wanted_ids.len(), slots, budget).map_err(|_| Reason::TooMuchWork)?;
    }
    Ok(image.into_bytes())
}

fn wanted<'i>(hunk: &Hunk<'_>, ids: &'i [u32]) -> Wanted<'i> {
    let trailing = hunk.lines.last().is_some_and(|(mark, _)| *mark == Mark::Context);
    Wanted { ids, start: hunk.new_start.saturating_sub(1), begin: hunk.old_start <= 1, end: !trailing }
}

/// Lines that come without context have a place only at the end, and only when the hunk says that it is there. `git apply`
/// puts them at the end wherever the hunk says they go, which is fuzz.
fn insertion(image: &Image<'_>, wanted: &Wanted<'_>) -> Option<usize> {
    let whole_lines = image.len().checked_sub(1).and_then(|last| image.get(last)).is_none_or(|slot| slot.line.newline);
    let at_end = wanted.start == image.len() && whole_lines && (!wanted.begin || image.len() == 0);
    at_end.then_some(image.len())
}

/// A number for each line that a patch holds, so that comparing takes one step however long the line is.
struct Ids<'a>(HashMap<Line<'a>, u32>);

impl<'a> Ids<'a> {
    fn of(hunks: &[Hunk<'a>]) -> Self {
        let mut ids = HashMap::new();
        for (_, line) in hunks.iter().flat_map(|hunk| &hunk.lines) {
            // A patch has far fewer lines than 2^32.
            let next = ids.len() as u32 + 1;
            ids.entry(*line).or_insert(next);
        }
        Self(ids)
    }

    fn get(&self, line: &Line<'_>) -> u32 {
        self.0.get(line).copied().unwrap_or_default()
    }
}
