//! The host's clocks: wall time as numbers, and the rate of its time stamp counter.

use crate::timestamp::Timestamp;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Nanoseconds since 1970 (UTC); zero on a host whose clock is before that.
#[must_use]
pub fn wall_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// Now, by the clock that can be set.
#[must_use]
pub fn now() -> Timestamp {
    SystemTime::now().into()
}

/// A moment in seconds since 1970 as UTC text, such as `2025-11-20T11:47:37Z` (ISO 8601).
#[must_use]
pub fn utc_text(seconds: u64) -> String {
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Days are counted from a first of March, so that a leap day is the last one of its year; eras
    // of 400 years are alike (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms",
    // civil_from_days).
    let days = days + 719_468;
    let day_of_era = days % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + days / 146_097 * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// The rate of the time stamp counter in kHz, measured over `window` against `CLOCK_MONOTONIC_RAW`.
///
/// An emulated guest reads this counter as its own and cannot calibrate it when the host is loaded.
#[must_use]
pub fn measure_tsc_khz(window: Duration) -> u32 {
    let (ticks_before, ns_before) = paired_reading();
    // A measurement has to take its time; it is made once per boot of the host and then remembered.
    let deadline = ns_before + u64::try_from(window.as_nanos()).unwrap_or(u64::MAX);
    while raw_ns() < deadline {
        std::hint::spin_loop();
    }
    let (ticks_after, ns_after) = paired_reading();
    let ticks = u128::from(ticks_after.saturating_sub(ticks_before));
    let ns = u128::from(ns_after.saturating_sub(ns_before)).max(1);
    u32::try_from(ticks * 1_000_000 / ns).unwrap_or(0)
}

/// The counter and the clock read as close together as a few tries allow.
fn paired_reading() -> (u64, u64) {
    (0..16)
        .map(|_| {
            let before = tsc();
            let ns = raw_ns();
            let after = tsc();
            (after - before, before + (after - before) / 2, ns)
        })
        .min_by_key(|(gap, ..)| *gap)
        .map_or((0, 0), |(_, ticks, ns)| (ticks, ns))
}

fn tsc() -> u64 {
    // SAFETY: `rdtsc` reads a counter; every x86-64 processor has it and Linux does not trap it.
    unsafe { core::arch::x86_64::_rdtsc() }
}

fn raw_ns() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::MonotonicRaw);
    u64::try_from(now.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(now.tv_nsec).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::utc_text;

    #[test]
    fn seconds_are_told_as_dates() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (1_735_689_599, "2024-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(utc_text(seconds), text);
        }
    }
}
