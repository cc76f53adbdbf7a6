//! Hunks on lines.

use super::diagnose;
use super::image::{Image, Slot, lines};
use super::locate::{Done, Wanted, locate};
use crate::patch::budget::Budget;
use crate::patch::limits::FILE_LINES;
use crate::patch::model::{Hunk, Line, Mark};
use crate::patch::reject::Reason;
use std::collections::HashMap;

/// Bytes of a file that count as one step.
const STEP_BYTES: usize = 32;

/// How a patch speaks of lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Each line with its newline, or without.
    Exact,
    /// As [`Form::Exact`], and the file may be new: lines without context do not go before what it
    /// holds.
    MayCreate,
    /// Without saying whether the last line of the file has a newline.
    Chunks,
}

/// Every hunk on a content, or the first one that does not fit.
pub(super) fn apply(
    old: &[u8],
    hunks: &[Hunk<'_>],
    form: Form,
    budget: &mut Budget,
) -> Result<Vec<u8>, Reason> {
    let ids = Ids::of(hunks);
    let count = old.iter().filter(|byte| **byte == b'\n').count();
    if count > FILE_LINES {
        return Err(Reason::TooLarge);
    }
    budget.spend(count + old.len() / STEP_BYTES).map_err(|_| Reason::TooMuchWork)?;
    let chunks = form == Form::Chunks;
    let mut image = Image::new(lines(old).zip(1..).map(|(line, number)| {
        let line = Line { newline: line.newline || chunks, ..line };
        Slot { line, id: ids.get(&line), patched: false, number }
    }));
    let mut done = Done::default();
    for (index, hunk) in hunks.iter().enumerate() {
        let wanted_ids: Vec<u32> = hunk.old_lines().map(|line| ids.get(&line)).collect();
        let wanted = Wanted { hunk, ids: &wanted_ids, may_create: form == Form::MayCreate };
        let at = match locate(&image, &wanted, &done, budget).map_err(|_| Reason::TooMuchWork)? {
            Ok(at) => at,
            Err(miss) => {
                let new_ids: Vec<u32> = hunk.new_lines().map(|line| ids.get(&line)).collect();
                let stated = done.stated(hunk);
                let met = diagnose::Met {
                    image: &image,
                    old,
                    hunk,
                    number: index + 1,
                    ids: &wanted_ids,
                    stated,
                };
                return Err(diagnose::reject(&met, &new_ids, miss).into());
            }
        };
        let slots = slots(&image, hunk, at, &ids);
        image
            .replace(at, wanted_ids.len(), slots.into_iter(), budget)
            .map_err(|_| Reason::TooMuchWork)?;
        done.add(hunk, at, wanted_ids.len(), hunk.new_lines().count());
    }
    let mut bytes = image.into_bytes();
    if chunks && !old.is_empty() && !old.ends_with(b"\n") && bytes.ends_with(b"\n") {
        bytes.pop();
    }
    Ok(bytes)
}

/// The lines that a hunk puts at a place; what it keeps has its number still.
fn slots<'a>(image: &Image<'a>, hunk: &Hunk<'a>, at: usize, ids: &Ids<'a>) -> Vec<Slot<'a>> {
    let mut old = at;
    let mut slots = Vec::new();
    for (mark, line) in &hunk.lines {
        let number =
            image.get(old).filter(|_| *mark == Mark::Context).map_or(0, |slot| slot.number);
        old += usize::from(*mark != Mark::Added);
        if *mark != Mark::Removed {
            slots.push(Slot { line: *line, id: ids.get(line), patched: true, number });
        }
    }
    slots
}

/// A number for each line that a patch holds, so that comparing takes one step however long the
/// line is.
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
