//! `Image`: the lines of a file while hunks change them.

use crate::patch::budget::{Budget, Spent};
use crate::patch::model::Line;

/// A line of the file, and what it is compared by.
#[derive(Clone, Copy)]
pub(super) struct Slot<'a> {
    pub(super) line: Line<'a>,
    /// The same for equal lines; zero for a line that the patch does not hold.
    pub(super) id: u32,
    /// Whether a hunk put it there, so that no other hunk may match it.
    pub(super) patched: bool,
    /// Which line of the file it is, from one; zero for one that a hunk put there.
    pub(super) number: u32,
}

/// The lines, with a gap where the last change was: hunks in order move every line once.
pub(super) struct Image<'a> {
    head: Vec<Slot<'a>>,
    /// Last line first.
    tail: Vec<Slot<'a>>,
}

impl<'a> Image<'a> {
    pub(super) fn new(lines: impl Iterator<Item = Slot<'a>>) -> Self {
        let mut tail: Vec<_> = lines.collect();
        tail.reverse();
        Self { head: Vec::new(), tail }
    }

    pub(super) fn len(&self) -> usize {
        self.head.len() + self.tail.len()
    }

    pub(super) fn get(&self, at: usize) -> Option<&Slot<'a>> {
        match at.checked_sub(self.head.len()) {
            None => self.head.get(at),
            Some(below) => self.tail.len().checked_sub(below + 1).and_then(|at| self.tail.get(at)),
        }
    }

    /// Put lines in the place of `count` lines from `at`.
    pub(super) fn replace(
        &mut self,
        at: usize,
        count: usize,
        lines: impl Iterator<Item = Slot<'a>>,
        budget: &mut Budget,
    ) -> Result<(), Spent> {
        budget.spend(self.head.len().abs_diff(at))?;
        while self.head.len() > at {
            self.tail.extend(self.head.pop());
        }
        while self.head.len() < at {
            let Some(slot) = self.tail.pop() else { break };
            self.head.push(slot);
        }
        self.tail.truncate(self.tail.len().saturating_sub(count));
        self.head.extend(lines);
        Ok(())
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for slot in self.head.iter().chain(self.tail.iter().rev()) {
            bytes.extend_from_slice(slot.line.text);
            if slot.line.newline {
                bytes.push(b'\n');
            }
        }
        bytes
    }
}

/// The lines of a content.
pub(super) fn lines(bytes: &[u8]) -> impl Iterator<Item = Line<'_>> {
    bytes.split_inclusive(|byte| *byte == b'\n').map(|line| match line.strip_suffix(b"\n") {
        Some(text) => Line { text, newline: true },
        None => Line { text: line, newline: false },
    })
}
