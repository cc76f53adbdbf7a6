//! Numbers of services, checked where they enter.

use crate::vm::shape::{OutOfRange, at_least, within};
use std::ops::RangeInclusive;

/// Seconds until a service is ready where no number is given.
pub const DEFAULT_READY_TIMEOUT_SECONDS: u32 = 30;

/// Milliseconds between two looks where no number is given.
pub const DEFAULT_READY_INTERVAL_MS: u32 = 500;

/// Lines of a log where no number is given.
pub const DEFAULT_TAIL_LINES: u32 = 200;

const READY_TIMEOUT_SECONDS: RangeInclusive<u32> = 1..=3600;

const READY_INTERVAL_MS: RangeInclusive<u32> = 1..=60_000;

/// How long a service may take until it is ready, in seconds, checked.
///
/// # Errors
/// [`OutOfRange`].
pub fn ready_timeout_seconds(seconds: impl Into<i64>) -> Result<u32, OutOfRange> {
    within("ready_timeout_seconds", seconds.into(), &READY_TIMEOUT_SECONDS, " s")
}

/// How long to wait between two looks, in milliseconds, checked.
///
/// # Errors
/// [`OutOfRange`].
pub fn ready_interval_ms(milliseconds: impl Into<i64>) -> Result<u32, OutOfRange> {
    within("ready_interval_ms", milliseconds.into(), &READY_INTERVAL_MS, " ms")
}

/// How many lines of a log to give, checked.
///
/// # Errors
/// [`OutOfRange`] for less than one.
pub fn tail_lines(count: impl Into<i64>) -> Result<u32, OutOfRange> {
    at_least("tail_lines", count.into(), 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_limits() {
        assert!(ready_timeout_seconds(0).is_err() && ready_timeout_seconds(3601).is_err());
        assert!(ready_interval_ms(0).is_err() && ready_interval_ms(60_001).is_err());
        assert!(tail_lines(0).is_err() && tail_lines(-1).is_err());
        assert_eq!(
            (ready_timeout_seconds(30), ready_interval_ms(500), tail_lines(200)),
            (Ok(30), Ok(500), Ok(200))
        );
    }
}
