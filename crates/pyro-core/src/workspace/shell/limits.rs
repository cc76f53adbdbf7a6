//! Numbers of shells, checked where they enter.

use crate::vm::shape::{OutOfRange, at_least, within};
use pyro_protocol::message::TerminalSize;
use std::ops::RangeInclusive;

/// Columns of a terminal.
pub const COLS: RangeInclusive<u32> = 1..=500;

/// Rows of a terminal.
pub const ROWS: RangeInclusive<u32> = 1..=200;

/// Columns where none are asked for.
pub const DEFAULT_COLS: u16 = 120;

/// Rows where none are asked for.
pub const DEFAULT_ROWS: u16 = 30;

/// Characters of a read where no number is asked for.
pub const DEFAULT_MAX_CHARS: u32 = 65_536;

/// How long a shell is to be quiet, in milliseconds.
pub const IDLE_MS: RangeInclusive<u32> = 1..=10_000;

/// A terminal's size, checked.
///
/// # Errors
/// [`OutOfRange`], naming the first number that is.
pub fn size(cols: impl Into<i64>, rows: impl Into<i64>) -> Result<TerminalSize, OutOfRange> {
    let small = |number: u32| u16::try_from(number).unwrap_or(u16::MAX);
    let cols = small(within("cols", cols.into(), &COLS, "")?);
    Ok(TerminalSize { cols, rows: small(within("rows", rows.into(), &ROWS, "")?) })
}

/// The size of a terminal that is there, brought within the limits.
#[must_use]
pub fn nearest_size(cols: u16, rows: u16) -> TerminalSize {
    let near = |number: u16, range: RangeInclusive<u32>| {
        let near = u32::from(number).clamp(*range.start(), *range.end());
        u16::try_from(near).unwrap_or(u16::MAX)
    };
    TerminalSize { cols: near(cols, COLS), rows: near(rows, ROWS) }
}

/// The greatest number of characters that a read gives, checked.
///
/// # Errors
/// [`OutOfRange`] for less than one.
pub fn max_chars(count: impl Into<i64>) -> Result<u32, OutOfRange> {
    at_least("max_chars", count.into(), 1)
}

/// How long a shell is to be quiet before it is read, in milliseconds, checked.
///
/// # Errors
/// [`OutOfRange`].
pub fn idle_ms(milliseconds: impl Into<i64>) -> Result<u32, OutOfRange> {
    within("wait_for_idle_ms", milliseconds.into(), &IDLE_MS, " ms")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_limits() {
        assert_eq!(size(120, 30), Ok(TerminalSize { cols: 120, rows: 30 }));
        for (cols, rows, wrong) in
            [(0, 1, "cols"), (501, 1, "cols"), (1, 0, "rows"), (1, 201, "rows")]
        {
            assert_eq!(size(cols, rows).unwrap_err().name, wrong);
        }
        assert_eq!(nearest_size(0, 9999), TerminalSize { cols: 1, rows: 200 });
        assert!(max_chars(0).is_err() && max_chars(1).is_ok());
        assert!(idle_ms(0).is_err() && idle_ms(10_001).is_err() && idle_ms(300).is_ok());
    }
}
