//! Which lines differ, found with bounded work.

use imara_diff::{Algorithm, Diff, Hunk, IndentHeuristic, IndentLevel, InternedInput, Token};
use std::ops::Range;

/// Most pairs of lines that the algorithm is let loose on at once: a few of them, when every line
/// is like many others, take 0.1 s together, and the time grows with their number. (100,000 lines
/// of two kinds took 8 s.)
const AT_ONCE: u64 = 100_000_000;

/// Work that is left for comparing, in pairs of lines; what is changed above it is replaced as a
/// whole.
#[derive(Debug)]
pub(crate) struct Effort(u64);

impl Default for Effort {
    /// About 20 s in the worst case.
    fn default() -> Self {
        Self(20_000_000_000)
    }
}

impl Effort {
    fn take(&mut self, before: usize, after: usize) -> bool {
        let pairs = before as u64 * after as u64;
        let granted = pairs <= AT_ONCE && pairs <= self.0;
        if granted {
            self.0 -= pairs;
        }
        granted
    }
}

/// The changes, in order, at least one line apart.
///
/// What is too large to be compared at once is split at the lines that both sides have exactly
/// once.
pub(super) fn between(input: &InternedInput<&[u8]>, effort: &mut Effort) -> Vec<Hunk> {
    let (before, after) = (&input.before, &input.after);
    let start = before.iter().zip(after).take_while(|(a, b)| a == b).count();
    let rest = before[start..].iter().rev().zip(after[start..].iter().rev());
    let end = rest.take_while(|(a, b)| a == b).count();
    let (before_end, after_end) = (before.len() - end, after.len() - end);
    if effort.take(before_end - start, after_end - start) {
        // The whole, not the part between: the heuristics may slide a change into what is the same.
        return compared(input, 0..before.len(), 0..after.len());
    }
    let mut changes = Vec::new();
    let (mut old, mut new) = (start, start);
    let anchors = anchors(input, start..before_end, start..after_end);
    for (at_old, at_new) in anchors.into_iter().chain([(before_end, after_end)]) {
        let (part_old, part_new) = (old..at_old, new..at_new);
        (old, new) = (at_old + 1, at_new + 1);
        if part_old.is_empty() && part_new.is_empty() {
            continue;
        }
        if effort.take(part_old.len(), part_new.len()) {
            changes.extend(compared(input, part_old, part_new));
        } else {
            changes.push(hunk(&part_old, &part_new));
        }
    }
    changes
}

fn compared(input: &InternedInput<&[u8]>, old: Range<usize>, new: Range<usize>) -> Vec<Hunk> {
    let (before, after) = (&input.before[old.clone()], &input.after[new.clone()]);
    let mut diff = Diff::default();
    diff.compute_with(Algorithm::Histogram, before, after, input.interner.num_tokens());
    let level =
        |token: Token| IndentLevel::for_ascii_line(input.interner[token].iter().copied(), 8);
    diff.postprocess_with(before, after, IndentHeuristic::new(level));
    let moved = |range: Range<u32>, by: usize| range.start as usize + by..range.end as usize + by;
    diff.hunks()
        .map(|found| hunk(&moved(found.before, old.start), &moved(found.after, new.start)))
        .collect()
}

fn hunk(old: &Range<usize>, new: &Range<usize>) -> Hunk {
    // There are at most `text_lines` of them.
    let narrow = |range: &Range<usize>| range.start as u32..range.end as u32;
    Hunk { before: narrow(old), after: narrow(new) }
}

/// The lines that both parts have exactly once, as many as can be kept in order.
fn anchors(
    input: &InternedInput<&[u8]>,
    old: Range<usize>,
    new: Range<usize>,
) -> Vec<(usize, usize)> {
    const NONE: u32 = u32::MAX;
    const MANY: u32 = u32::MAX - 1;
    let places = |tokens: &[Token], range: &Range<usize>| {
        let mut places = vec![NONE; input.interner.num_tokens() as usize];
        for at in range.clone() {
            let place = &mut places[tokens[at].0 as usize];
            *place = if *place == NONE { at as u32 } else { MANY };
        }
        places
    };
    let (in_old, in_new) = (places(&input.before, &old), places(&input.after, &new));
    let pairs: Vec<(usize, usize)> = old
        .filter(|at| in_old[input.before[*at].0 as usize] == *at as u32)
        .map(|at| (at, in_new[input.before[at].0 as usize]))
        .filter(|(_, place)| *place < MANY)
        .map(|(at, place)| (at, place as usize))
        .collect();
    longest_rising(&pairs)
}

/// The longest part of the pairs, which rise in the first, that rises in the second too.
fn longest_rising(pairs: &[(usize, usize)]) -> Vec<(usize, usize)> {
    // `ends[n]` is the pair with the lowest second that ends a rising part of `n + 1`.
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(pairs.len());
    for (at, pair) in pairs.iter().enumerate() {
        let length = ends.partition_point(|end| pairs[*end].1 < pair.1);
        before.push(length.checked_sub(1).map(|last| ends[last]));
        match ends.get_mut(length) {
            Some(end) => *end = at,
            None => ends.push(at),
        }
    }
    let mut found: Vec<_> =
        std::iter::successors(ends.last().copied(), |at| before[*at]).map(|at| pairs[at]).collect();
    found.reverse();
    found
}

#[cfg(test)]
mod tests {
    use super::{Effort, between, longest_rising};
    use imara_diff::{InternedInput, sources::byte_lines};

    #[test]
    fn the_longest_rising_part_is_found() {
        let rising = |seconds: &[usize]| {
            let pairs: Vec<_> = seconds.iter().copied().enumerate().collect();
            longest_rising(&pairs).into_iter().map(|(_, second)| second).collect::<Vec<_>>()
        };
        assert!(rising(&[]).is_empty());
        assert_eq!(rising(&[3, 2, 1]), [1]);
        assert_eq!(rising(&[9, 1, 5, 2, 3, 0]), [1, 2, 3]);
    }

    #[test]
    fn without_effort_what_lies_between_common_lines_is_replaced() {
        let input = InternedInput::new(
            byte_lines(b"1\nx\nx\n2\nx\n3\n"),
            byte_lines(b"1\nx\ny\n2\nz\nx\n3\n"),
        );
        let found: Vec<_> =
            between(&input, &mut Effort(0)).into_iter().map(|h| (h.before, h.after)).collect();
        assert_eq!(found, [(2..3, 2..3), (4..4, 4..5)]);
        let found: Vec<_> =
            between(&input, &mut Effort(99)).into_iter().map(|h| (h.before, h.after)).collect();
        assert_eq!(found, [(2..3, 2..3), (4..4, 4..5)]);
    }
}
