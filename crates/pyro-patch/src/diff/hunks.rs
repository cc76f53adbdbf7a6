//! Lines that differ, in hunks with their context.

use super::changes::{self, Effort};
use super::options::DiffOptions;
use imara_diff::{Hunk, InternedInput, sources::byte_lines};
use std::ops::Range;

/// The hunks of two texts.
#[derive(Default)]
pub(super) struct Hunks {
    pub(super) text: String,
    pub(super) added: usize,
    pub(super) deleted: usize,
}

/// Whether bytes are text: UTF-8 without NUL, so that the patch is text too, and within bounds.
pub(super) fn is_text(bytes: &[u8], options: &DiffOptions) -> bool {
    bytes.len() <= options.text_bytes
        && !bytes.contains(&0)
        && bytes.iter().filter(|byte| **byte == b'\n').count() <= options.text_lines
        && std::str::from_utf8(bytes).is_ok()
}

/// The hunks that lead from one text to the other.
pub(super) fn between(old: &[u8], new: &[u8], context: usize, effort: &mut Effort) -> Hunks {
    let input = InternedInput::new(byte_lines(old), byte_lines(new));
    let mut hunks = Hunks::default();
    let mut near: Vec<Hunk> = Vec::new();
    for change in changes::between(&input, effort) {
        let gap = near.last().map(|last| (change.before.start - last.before.end) as usize);
        if gap.is_some_and(|gap| gap > context * 2) {
            hunks.push(&input, &near, context);
            near.clear();
        }
        near.push(change);
    }
    hunks.push(&input, &near, context);
    hunks
}

impl Hunks {
    fn push(&mut self, input: &InternedInput<&[u8]>, changes: &[Hunk], context: usize) {
        let (Some(first), Some(last)) = (changes.first(), changes.last()) else { return };
        let before = (first.before.start as usize).min(context);
        let after = (input.before.len() - last.before.end as usize).min(context);
        let around = |first: &Range<u32>, last: &Range<u32>| {
            first.start as usize - before..last.end as usize + after
        };
        let old = around(&first.before, &last.before);
        let new = around(&first.after, &last.after);
        self.text += &format!("@@ -{} +{} @@\n", range(&old), range(&new));
        let mut at = old.start;
        for change in changes {
            self.lines(' ', input, &input.before[at..change.before.start as usize]);
            let (removed, added) = (usize_range(&change.before), usize_range(&change.after));
            self.deleted += removed.len();
            self.added += added.len();
            at = removed.end;
            self.lines('-', input, &input.before[removed]);
            self.lines('+', input, &input.after[added]);
        }
        self.lines(' ', input, &input.before[at..old.end]);
    }

    fn lines(&mut self, mark: char, input: &InternedInput<&[u8]>, tokens: &[imara_diff::Token]) {
        for token in tokens {
            let line = String::from_utf8_lossy(input.interner[*token]);
            self.text.push(mark);
            self.text.push_str(&line);
            if !line.ends_with('\n') {
                self.text.push_str("\n\\ No newline at end of file\n");
            }
        }
    }
}

fn usize_range(range: &Range<u32>) -> Range<usize> {
    range.start as usize..range.end as usize
}

/// A range as a hunk's header has it: the count is left out when it is one, the start counts from
/// one unless it is empty.
fn range(lines: &Range<usize>) -> String {
    match lines.len() {
        0 => format!("{},0", lines.start),
        1 => (lines.start + 1).to_string(),
        count => format!("{},{count}", lines.start + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::{Effort, between};

    #[test]
    fn hunks_are_those_of_git() {
        let lines = |range: std::ops::RangeInclusive<u32>| {
            range.map(|line| format!("{line}\n")).collect::<String>()
        };
        let far = lines(1..=20).replace("5\n", "five\n");
        for (old, new, text) in [
            (String::new(), "a\n".to_owned(), "@@ -0,0 +1 @@\n+a\n".to_owned()),
            ("a\nb\n".to_owned(), String::new(), "@@ -1,2 +0,0 @@\n-a\n-b\n".to_owned()),
            (
                "a".to_owned(),
                "a\n".to_owned(),
                "@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n".to_owned(),
            ),
            (
                "a\x0cb\r\n".to_owned(),
                "-- a\n".to_owned(),
                "@@ -1 +1 @@\n-a\x0cb\r\n+-- a\n".to_owned(),
            ),
            (
                lines(1..=20),
                far,
                "@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n\
                 @@ -12,7 +12,7 @@\n 12\n 13\n 14\n-15\n+1five\n 16\n 17\n 18\n"
                    .to_owned(),
            ),
        ] {
            assert_eq!(
                between(old.as_bytes(), new.as_bytes(), 3, &mut Effort::default()).text,
                text
            );
        }
    }
}
